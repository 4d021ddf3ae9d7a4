"""``tidegate audit show | export``: the journal's rows, to read and to take away."""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from tidegate.cli.person import By
from tidegate.cli.reading import known_service, reading_journal
from tidegate.cli.service import find_policy
from tidegate.cli.writing import unwritable
from tidegate.engine.auditing import export_piece
from tidegate.errors import Refused
from tidegate.journal.export import Span, lines_of
from tidegate.journal.headstore import DirectoryStore
from tidegate.report import trail

HEADS = "TIDEGATE_HEADS"
Service = Annotated[str, typer.Option("--service", help="The service's name.")]
From = Annotated[str | None, typer.Option("--from", help="ISO 8601, like 2026-11-01 or 2026-11-01T12:00Z; UTC.")]
To = Annotated[str | None, typer.Option("--to", help="The same. Left out: now.")]


def show(
    service: Service,
    operation: Annotated[str | None, typer.Option("--operation", help="Of one operation only.")] = None,
    since: From = None,
    until: To = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON value, for scripts.")] = False,
) -> None:
    """Who asked, who approved and on what evidence, who overrode what, effects, outcome. Reads the journal only."""
    span = _span(service, since, until)
    journal = reading_journal()
    known_service(journal, service)
    rows = journal.stored_rows(service)
    found = [
        entry
        for entry in trail.entries(row for row in rows if operation in (None, row.operation))
        if span.since <= entry.at <= span.until
    ]
    if as_json:
        typer.echo(json.dumps({"service": service, "rows": [entry.to_json() for entry in found]}))
        return
    for line in trail.lines(found):
        typer.echo(line)
    if not found:
        typer.echo(f"{service}: no rows in that range")


def export(
    service: Service,
    since: From,
    out: Annotated[Path, typer.Option("--out", help="The file to write.")],
    by: By,
    until: To = None,
    heads: Annotated[Path | None, typer.Option("--heads", help="Where the witness keeps signed heads.")] = None,
) -> None:
    """Write a piece of the journal as a file that anybody can verify offline, with scripts/verify_audit.py."""
    span, store = _span(service, since, until), heads or (Path(os.environ[HEADS]) if HEADS in os.environ else None)
    if store is None:
        raise Refused(
            "no store of signed heads is known, and without them a file proves little",
            next_step=f"give --heads, or set {HEADS}",
        )
    journal = reading_journal()
    piece = export_piece(find_policy(service).policy, journal, DirectoryStore(store), span, person=by)
    temporary = out.with_name(f".{out.name}.part")
    try:
        temporary.write_text("".join(f"{line}\n" for line in lines_of(piece, by=by, at=time.time())))
        temporary.replace(out)
    except OSError as error:
        raise unwritable(out, error) from None
    typer.echo(f"{out}: {len(piece.rows)} rows of {service}, signed up to row {piece.vouched}")
    if not piece.whole:
        typer.echo("NOT VOUCHED FOR: the end of the range is signed by nobody yet; export again in five minutes")
    asked = f"--service {service} --from {_iso(span.since)} --to {_iso(span.until)}"
    typer.echo(f"next: python scripts/verify_audit.py {out} --key witness.pem {asked}")


def _span(service: str, since: str | None, until: str | None) -> Span:
    now = float(int(time.time() * 1000)) / 1000
    return Span(service, _moment(since, "--from") if since else 0.0, _moment(until, "--to") if until else now)


def _moment(text: str, option: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Refused(
            f"{option} {text!r} is no time", next_step="write it like 2026-11-01 or 2026-11-01T12:00:00Z"
        ) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
