"""``docs/reference/policy.md``: every key, what it takes, its default and what it means."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from tidegate.drivers import registry
from tidegate.policy import schema
from tidegate.policy.driver_settings import settings_of
from tidegate.policy.reference import field_notes, parts, summary

_HEAD = """\
# Policy reference

<!-- Made by `tidegate schema --markdown`; a test keeps it up to date. Edit the docstrings, not this page. -->

A policy is one YAML file per service in `dags/policies/`. Every key that is not listed here is an error, and every
quantity carries its unit: `5%`, `30m`, `10x`, `40/s`. Text stays as written (`no`, `12:30` and `2026-11-22` are text);
anchors, aliases, tags, merge keys, nulls, duplicate keys and further documents are refused.
`tidegate lint` checks a policy and tells what its gates buy.
"""


def reference_markdown() -> str:
    """The whole page, ending in one newline."""
    lines = [_HEAD]
    for part in parts(schema.Policy):
        if part is not schema.Driver:
            lines += _part(part.__name__, part, _title(part))
    lines.append("## Drivers' settings\n")
    lines.append("Paths are relative to `TIDEGATE_HOME`. Addresses and secrets are `conn://name`, never values.\n")
    for family in registry.FAMILIES + registry.OPTIONAL:
        for kind in registry.kinds(family):
            lines += _part(f"{family}: {kind}", settings_of(family, kind), f"### `{family}: {{kind: {kind}}}`")
    return "\n".join(lines).rstrip() + "\n"


def _title(part: type[BaseModel]) -> str:
    return f"## {re.sub(r'(?<=[a-z])(?=[A-Z])', ' ', part.__name__).capitalize()}"


def _part(name: str, part: type[BaseModel], title: str) -> list[str]:
    notes = field_notes(part)
    rows = [_row(key, info, notes) for key, info in _fields(part)]
    told = summary(part) if part.__doc__ else ""
    text = "" if told.startswith("``") or not rows else told.replace("``", "`")
    table = ["| key | takes | if left out | meaning |", "|---|---|---|---|", *rows] if rows else ["No settings."]
    return [title, "", *([text, ""] if text else []), *table, ""]


def _fields(part: type[BaseModel]) -> Iterator[tuple[str, FieldInfo]]:
    for name, info in part.model_fields.items():
        yield info.alias or name, info


def _row(key: str, info: FieldInfo, notes: dict[str, str]) -> str:
    meaning = notes.get(key) or info.description or ""
    cells = (f"`{key}`", _takes(info.annotation, info), _default(info), meaning.replace("``", "`"))
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def _default(info: FieldInfo) -> str:
    if info.is_required():
        return "**required**"
    value = info.get_default(call_default_factory=True)
    if value is None or value == () or value == {}:
        return "–"
    if isinstance(value, BaseModel):
        return "its defaults"
    return f"`{_as_written(value, info)}`"


def _as_written(value: Any, info: FieldInfo) -> str:
    for note in info.metadata:
        function = getattr(note, "func", None)
        if type(note).__name__ == "PlainSerializer" and function is not None:
            return str(function(value))
    return value if isinstance(value, str) else json.dumps(value, default=str)


_WORDS = {
    "int": "whole number",
    "float": "number",
    "str": "text",
    "bool": "`true` or `false`",
    "Any": "any value",
    "Path": "path",
}


def _takes(annotation: Any, info: FieldInfo | None = None) -> str:
    example = _example(info.metadata if info else getattr(annotation, "__metadata__", ()))
    if example:
        return example
    args = [a for a in getattr(annotation, "__args__", ()) if a is not type(None)]
    origin = getattr(annotation, "__origin__", None)
    if hasattr(annotation, "__metadata__"):
        return _takes(annotation.__origin__)
    name = getattr(origin, "__name__", "") or getattr(annotation, "__name__", "")
    if str(annotation).startswith("typing.Literal"):
        return " or ".join(f"`{a}`" for a in args)
    if name in ("dict", "Mapping"):
        return f"map of {_takes(args[0])} to {_takes(args[1])}" if args else "map"
    if name in ("tuple", "list"):
        return f"list of {_takes(args[0])}"
    if args:
        return _takes(args[0])
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return f"a map: {re.sub(r'(?<=[a-z])(?=[A-Z])', ' ', annotation.__name__).lower()}"
    return _WORDS.get(name, name)


_NAMES = {
    r"^[a-z][a-z0-9-]{0,62}$": "name (`a-z`, `0-9`, `-`)",
    r"^[a-z][a-z0-9_]{0,62}$": "name (`a-z`, `0-9`, `_`)",
    r"^[A-Za-z0-9][A-Za-z0-9@._+-]{0,127}$": "user name",
    r"^(?i:select|with)\s[^;]*$": "SQL",
}


def _example(metadata: Any) -> str:
    for note in metadata:
        if getattr(note, "pattern", None) in _NAMES:
            return _NAMES[note.pattern]
        examples = (getattr(note, "json_schema", None) or {}).get("examples")
        if examples:
            return "like " + ", ".join(f"`{e}`" for e in examples)
    return ""
