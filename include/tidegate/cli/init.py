"""``tidegate init``: a first policy for a service, by asking."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from tidegate.cli.exit_codes import ExitCode
from tidegate.errors import PolicyErrors, Refused
from tidegate.policy.draft import Draft, draft
from tidegate.policy.likely import likely
from tidegate.policy.places import policy_folder
from tidegate.policy.questions import Question, answered
from tidegate.policy.source import read_source
from tidegate.policy.tree import parse_tree, plain


def register(app: typer.Typer) -> None:
    app.command("init")(init)


def init(
    service: Annotated[str | None, typer.Argument(help="The service's name.")] = None,
    answers: Annotated[Path | None, typer.Option("--answers", help="YAML file of key: answer; asks nothing.")] = None,
    given: Annotated[list[str] | None, typer.Option("--set", help="key=answer; may be repeated.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Take what is offered wherever nothing is given.")] = False,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="By default <policies>/<service>.yaml.")] = None,
) -> None:
    """Write a policy by asking, with a line beside every part that says what it means. Never overwrites a file."""
    known = _given(service, answers, given or [])
    ask = _Given(known, asks=not (yes or answers))
    try:
        found = answered(ask)
        ask.refuse_unused()
        path = output or policy_folder() / f"{found['service']}.yaml"
        made = draft(found, path)
    except (PolicyErrors, ValueError) as error:
        raise Refused(
            f"of these answers no policy can be made, and nothing was written: {error}",
            next_step="answer again; the lines are those of the text that would have been written",
        ) from error
    _write(path, made.text)
    typer.echo("\n".join(_words(path, made)))


class _Given:
    """Answers that were given, then what is offered or what a person says."""

    def __init__(self, known: Mapping[str, str], *, asks: bool) -> None:
        self._known, self._asks = dict(known), asks
        self._keys: list[str] = []

    def __call__(self, question: Question) -> str:
        self._keys.append(question.key)
        if question.key in self._known:
            return self._known[question.key]
        if self._asks:
            return _typed(question)
        if question.default is None:
            raise Refused(f"{question.key} has to be answered", next_step=f"--set {question.key}=…: {question.asks}")
        return question.default

    def refuse_unused(self) -> None:
        """An answer to what nobody asks is a slip of the pen."""
        for key in self._known:
            if key not in self._keys:
                hint = likely(key, self._keys) or "keys: " + ", ".join(self._keys)
                raise Refused(f"{key!r} is no question here; nothing was written", next_step=hint)


def _typed(question: Question) -> str:
    """A person's answer. Where nobody sits, exits with 2: the command line lacks what would answer instead."""
    try:
        return str(typer.prompt(question.asks, default=question.default, err=True))
    except typer.Abort as ended:
        if not isinstance(ended.__context__, EOFError):
            raise KeyboardInterrupt from None
    typer.echo(f"\nnobody is here to answer {question.key!r}: give --answers, --set or --yes", err=True)
    raise typer.Exit(ExitCode.USAGE)


def _given(service: str | None, answers: Path | None, pairs: list[str]) -> dict[str, str]:
    known: dict[str, str] = {}
    if answers:
        tree = plain(parse_tree(read_source(answers), str(answers)))
        known.update({key: _one_line(key, value) for key, value in tree.items()})
    for pair in pairs:
        key, found, value = pair.partition("=")
        if not found:
            raise Refused(f"--set {pair!r} is not key=answer", next_step="write --set service=pay")
        known[key] = value
    return {**known, **({"service": service} if service else {})}


def _one_line(key: str, value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_one_line(key, item) for item in value)
    if isinstance(value, dict):
        raise Refused(f"the answer to {key!r} is a map", next_step=f"write its keys as {key}.<name>: …")
    return str(value)


def _write(path: Path, text: str) -> None:
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise Refused(
            f"{path} is there already, and is left alone", next_step="edit it, or write elsewhere: --output FILE"
        ) from None
    except OSError as error:
        raise Refused(
            f"{path} cannot be written: {error.strerror}", next_step="choose a place: --output FILE"
        ) from error


def _words(path: Path, made: Draft) -> list[str]:
    lines = [f"written: {path}"]
    lines += [f"  {f.severity} {f.line}:{f.column} {f.rule}: {f.message}; {f.hint}" for f in made.report.findings]
    lines.append("next:")
    lines.append(f"  read it, then check it:      tidegate lint {path}")
    if made.connections:
        lines.append(f"  define these connections:    {', '.join(made.connections)}")
    lines.append("  see what else is missing:    tidegate doctor")
    lines.append(f"  certify what runs today:     tidegate adopt {made.report.service} VERSION --by NAME --reason WHY")
    lines.append("                               (it prints the line by which a second person says yes)")
    return lines
