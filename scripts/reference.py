"""Writes the reference pages that are made from the code: ``make docs``. A test compares them with what is kept.

The policy's page is made by ``tidegate schema --markdown``; its generator lives with the schema.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_origin

import typer

from tidegate.cli import app
from tidegate.cli.exit_codes import as_markdown as exit_codes
from tidegate.drivers import registry
from tidegate.journal.meanings import MEANINGS
from tidegate.policy.reference import json_schema_text
from tidegate.policy.reference_page import reference_markdown

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "reference"
_KINDS = {int: "number", float: "number", Path: "file", bool: "–"}
_NOTE = "<!-- Made by `make docs` from the code; a test keeps it up to date. Edit the docstrings, not this page. -->"


def cli_page() -> str:
    """Every command with its arguments and options."""
    root = typer.main.get_command(app)
    lines = [
        "# Command line",
        "",
        _NOTE,
        "",
        *_prose(inspect.getdoc(importlib.import_module("tidegate.cli")) or ""),
        "",
    ]
    lines += ["What a command exits with: [exit codes](exit-codes.md). Every command: `--help`.", ""]
    for path, command in _commands(root, ("tidegate",)):
        lines += _command(" ".join(path), command)
    return _text(lines)


def _commands(command: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Leaves only. Typed as Any: Typer brings a Click of its own."""
    below = getattr(command, "commands", None)
    if below is None:
        yield path, command
        return
    for name in sorted(below):
        yield from _commands(below[name], (*path, name))


def _command(name: str, command: Any) -> list[str]:
    context = command.context_class(command, info_name=name)
    usage = " ".join([name, *(p for p in command.collect_usage_pieces(context) if p)])
    rows = [_parameter(p) for p in command.params if not getattr(p, "hidden", False)]
    table = ["| | takes | if left out | meaning |", "|---|---|---|---|", *rows, ""] if rows else []
    return [f"## `{name}`", "", *_prose(command.help or ""), "", f"    {usage}", "", *table]


def _parameter(parameter: Any) -> str:
    names = ", ".join(f"`{n}`" for n in (*parameter.opts, *parameter.secondary_opts))
    takes = "–" if getattr(parameter, "is_flag", False) else _takes(parameter)
    default = parameter.default
    nothing = callable(default) or default in (None, False, [], ())
    left_out = "**required**" if parameter.required else "–" if nothing else f"`{default}`"
    return f"| {names} | {takes} | {left_out} | {_cell(getattr(parameter, 'help', '') or '')} |"


def _takes(parameter: Any) -> str:
    """The annotation in a reader's words."""
    annotation = parameter.type_descriptor.annotation
    several = get_origin(annotation) in (list, tuple)
    inner = next((a for a in get_args(annotation) if a is not NoneType), annotation)
    if isinstance(inner, type) and issubclass(inner, Enum):
        return " or ".join(f"`{member.value}`" for member in inner)
    return _KINDS.get(inner, "text") + (", several" if several else "")


def drivers_page() -> str:
    """Every family: what its contract promises, and each kind."""
    lines = ["# Drivers", "", _NOTE, ""]
    lines += ["One driver per family, chosen by `kind` in the policy. Their settings: [policy reference](policy.md)."]
    lines += ["To write one: [add a driver](../how-to/add-a-driver.md).", ""]
    for family in registry.FAMILIES + registry.OPTIONAL:
        contract = importlib.import_module(f"tidegate.drivers.{family}.contract")
        promises = getattr(contract, family.capitalize())
        lines += [
            f"## {family}",
            "",
            *_prose(inspect.getdoc(contract) or ""),
            "",
            *_prose(inspect.getdoc(promises) or ""),
            "",
        ]
        lines += ["| method | what holds |", "|---|---|", *_methods(promises), ""]
        for kind in registry.kinds(family):
            lines += [f"### `{family}: {{kind: {kind}}}`", "", *_prose(_doc(family, kind)), ""]
    return _text(lines)


def _doc(family: str, kind: str) -> str:
    return inspect.getdoc(registry.load(family, kind)) or ""


def _methods(protocol: Any) -> Iterator[str]:
    for name, member in vars(protocol).items():
        if callable(member) and not name.startswith("_"):
            yield f"| `{name}` | {_cell(' '.join((inspect.getdoc(member) or '').split()))} |"


def events_page() -> str:
    """Every kind of row in the journal."""
    lines = ["# Events", "", _NOTE, "", "What the journal's rows say. `tidegate audit show` prints them in words.", ""]
    lines += ["| kind | meaning |", "|---|---|", *(f"| `{kind}` | {_cell(text)} |" for kind, text in MEANINGS.items())]
    return _text(lines)


def errors_page() -> str:
    """The error tree, as its docstring draws it."""
    drawn = inspect.getdoc(importlib.import_module("tidegate.errors")) or ""
    return _text(["# Errors", "", _NOTE, "", *_prose(drawn)])


def _prose(docstring: str) -> list[str]:
    """A docstring as Markdown: ``::`` blocks stay indented, roles become code."""
    lines = []
    for line in docstring.split("\n"):
        for role in (":class:", ":func:", ":mod:", ":data:", ":meth:"):
            line = line.replace(f"{role}`~", "`").replace(f"{role}`", "`")
        lines.append("" if line.strip() == "::" else line.replace("``", "`"))
    return lines


def _cell(text: str) -> str:
    return " ".join(_prose(text)).replace("|", "\\|").strip()


def _text(lines: list[str]) -> str:
    return "\n".join(lines).rstrip() + "\n"


PAGES: Mapping[str, Callable[[], str]] = {
    "cli.md": cli_page,
    "drivers.md": drivers_page,
    "errors.md": errors_page,
    "events.md": events_page,
    "exit-codes.md": exit_codes,
    "policy.md": reference_markdown,
    "policy.schema.json": json_schema_text,
}


def main() -> int:
    """Write every page that has changed, and say which."""
    for name, make in PAGES.items():
        path, text = FOLDER / name, make()
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
            print(f"written: docs/reference/{name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
