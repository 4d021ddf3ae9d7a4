"""``tidegate runbook``: what to type, by kind of operation, from the policy, its plan and the journal's history."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tidegate.cli.exit_codes import ExitCode
from tidegate.cli.operations import Service
from tidegate.cli.reading import known_service, reading_journal
from tidegate.cli.service import find_policy
from tidegate.errors import Refused
from tidegate.policy.likely import likely

if TYPE_CHECKING:
    from tidegate.report.runbook import Runbook

Kind = Annotated[str, typer.Argument(metavar="[kind]", help="promotion, rollback, failover …; all, if left out.")]
Out = Annotated[
    Path | None, typer.Option("--out", help="NAME.md, NAME.html, or a folder for both of each kind; else printed.")
]
Check = Annotated[Path | None, typer.Option("--check", help="Is this file of today's plan? Exits with 6 if it is not.")]


def register(app: typer.Typer) -> None:
    app.command("runbook")(runbook)


def runbook(service: Service, kind: Kind = "", out: Out = None, check: Check = None) -> None:
    """Write or print the runbooks of a service. What people wrote between the marks for notes is kept."""
    from tidegate.report.runbook_text import markdown

    books = _books(service)
    if kind and kind not in books:
        hint = likely(kind, tuple(books)) or f"one of: {', '.join(books)}"
        raise Refused(f"{service} has no runbook for {kind!r}", next_step=hint)
    chosen = {kind: books[kind]} if kind else books
    if check is not None:
        return _check(check, chosen)
    if out is None:
        typer.echo("\n".join(markdown(book) for book in chosen.values()), nl=False)
    elif out.suffix in (".md", ".html"):
        if len(chosen) > 1:
            raise Refused("one file holds one runbook", next_step=f"name a kind: {', '.join(books)}; or a folder")
        _write({out: next(iter(chosen.values()))})
    else:
        _write({out / f"{name}{end}": book for name, book in chosen.items() for end in (".md", ".html")})


def _books(service: str) -> dict[str, Runbook]:
    from tidegate.plan.begun import plans_of
    from tidegate.report.runbook import runbook as made
    from tidegate.report.runbook_past import KindPast, past

    loaded, journal = find_policy(service), reading_journal()
    known_service(journal, service)
    known, now = past(journal, service), time.time()
    plans = plans_of(loaded.policy, loaded.digest)
    return {name: made(loaded.policy, plan, known.get(plan.kind, KindPast()), now) for name, plan in plans.items()}


def _check(file: Path, chosen: dict[str, Runbook]) -> None:
    from tidegate.report.runbook_text import stale

    if len(chosen) != 1:
        raise Refused("a file holds one runbook", next_step=f"name its kind: {', '.join(chosen)}")
    (book,) = chosen.values()
    if why := stale(_read(file), book):
        typer.echo(f"{file}: STALE: {why}")
        typer.echo(f"next:  tidegate runbook {book.service} {book.kind.value} --out {file}")
        raise typer.Exit(ExitCode.LOOK_FIRST)
    typer.echo(f"{file}: of today's plan")


def _write(files: dict[Path, Runbook]) -> None:
    """All notes are read before anything is written: a damaged one leaves every file as it is."""
    from tidegate.report.runbook_page import runbook_html
    from tidegate.report.runbook_text import markdown, notes_of

    notes = {}
    for file in files:
        kept = file.with_suffix(".md")
        notes[file] = notes_of(_read(kept), str(kept)) if kept.exists() else ""
    for file, book in files.items():
        text = runbook_html(book, notes[file]) if file.suffix == ".html" else markdown(book, notes[file])
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh = file.with_name(f".{file.name}.{os.getpid()}")
        fresh.write_text(text)
        fresh.replace(file)
        typer.echo(str(file))


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"{file} cannot be read ({type(error).__name__})", next_step="name a runbook, NAME.md") from None
