"""``tidegate report``: a review of an operation, drafted from the journal, for those who look back."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from tidegate.cli.operations import Service
from tidegate.cli.reading import known_service, reading_journal
from tidegate.cli.service import find_policy
from tidegate.errors import Refused
from tidegate.journal.model import EventKind
from tidegate.journal.store import Journal
from tidegate.model.operation import service_of
from tidegate.policy.likely import likely

Operation = Annotated[str, typer.Argument(metavar="[operation]", help="Its id; the newest that is over, if left out.")]
Out = Annotated[Path | None, typer.Option("--out", help="A file to write, NAME.md or NAME.html; else it is printed.")]
FORMATS = (".md", ".html")


def register(app: typer.Typer) -> None:
    app.command("report")(report)


def report(service: Service, operation: Operation = "", out: Out = None) -> None:
    """Draft a review of an operation: timeline, what noticed it, decisions and by whom, objectives, where the time
    went, follow-ups with their owners. Reads the journal only; the same rows are the same draft."""
    from tidegate.report.document import operation_document
    from tidegate.report.review import markdown, review
    from tidegate.report.review_page import review_html

    if out is not None and out.suffix not in FORMATS:
        raise Refused(f"{out} is neither Markdown nor HTML", next_step="name it NAME.md or NAME.html")
    journal, owners = reading_journal(), find_policy(service_of(service)).policy.owners
    known_service(journal, service)
    known = _operations(journal, service)
    chosen = operation or _newest(journal, service, known)
    if chosen not in known:
        raise Refused(f"{service} has no operation {chosen!r}", next_step=likely(chosen, known) or "tidegate status")
    found = review(operation_document(journal, service, chosen, time.time()), owners)
    if out is None:
        typer.echo(markdown(found, owners), nl=False)
        return
    out.write_text(review_html(found, owners) if out.suffix == ".html" else markdown(found, owners))
    typer.echo(f"{out}: {chosen}, {len(found.follow_ups)} follow-ups proposed")


def _newest(journal: Journal, service: str, known: Sequence[str]) -> str:
    """Of those that have a plan; that a first baseline was adopted is none of them."""
    closed = [str(e.operation) for e in journal.events(service, kinds={EventKind.OPERATION_CLOSED})]
    over = [one for one in closed if one in known]
    if not over:
        raise Refused(f"{service} has no operation that is over", next_step="see tidegate status")
    return over[-1]


def _operations(journal: Journal, service: str) -> list[str]:
    return [str(e.operation) for e in journal.events(service, kinds={EventKind.OPERATION_OPENED})]
