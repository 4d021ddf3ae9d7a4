"""``tidegate audit verify | show | export``: is the journal what was written, what does it say, and the proof of it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from tidegate.cli import trail
from tidegate.cli.exit_codes import ExitCode
from tidegate.cli.reading import present_journal
from tidegate.errors import Refused
from tidegate.journal.audit import BROKEN, UNVOUCHED, AuditReport, audit
from tidegate.journal.headstore import DirectoryStore
from tidegate.journal.signing import PublicKey

STORE = "TIDEGATE_HEADS"
_KEY = "--key takes the witness's public key, witness.pem, from a place that you trust"

app = typer.Typer(help="The journal's own proof.", no_args_is_help=True)


def register(parent: typer.Typer) -> None:
    app.command("show")(trail.show)
    app.command("export")(trail.export)
    parent.add_typer(app, name="audit")


@app.callback()
def _audit() -> None:
    """The journal's own proof."""


@app.command("verify")
def verify(
    heads: Annotated[Path | None, typer.Option("--heads", help="Where the witness keeps signed heads.")] = None,
    key: Annotated[Path | None, typer.Option("--key", help="The witness's public key that you trust (PEM).")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="A service without any signed head is a failure.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON value, for scripts.")] = False,
) -> None:
    """Check every chain, and the signed heads. Names the first bad row. Exit code 9 if anything does not verify; with
    --strict 19 if it verifies, but no head of some service was ever signed, so that a cut would not show."""
    journal = present_journal()
    chosen = heads or (Path(os.environ[STORE]) if STORE in os.environ else None)
    trusted = _trusted(key) if key else None
    report = audit(journal, DirectoryStore(chosen) if chosen else None, public_key=trusted)
    typer.echo(json.dumps(report.to_json()) if as_json else "\n".join(words(report)))
    if report.exit_status == BROKEN:
        raise typer.Exit(ExitCode.CORRUPT)
    if strict and report.exit_status == UNVOUCHED:
        raise typer.Exit(ExitCode.UNVOUCHED)


def _trusted(path: Path) -> bytes:
    """The key's PEM. Raises :class:`Refused` for what is none: that is the auditor's slip, no finding of the audit."""
    try:
        pem = path.read_bytes()
    except OSError as error:
        raise Refused(f"the key {path} cannot be read: {error.strerror}", next_step=_KEY) from None
    try:
        return PublicKey(pem).pem
    except Refused as error:
        raise Refused(f"{path}: {error.message}", next_step=_KEY) from None


def words(report: AuditReport) -> Iterator[str]:
    """First what is wrong, then what was proved, then how far the proof reaches."""
    for finding in report.findings:
        yield f"DOES NOT VERIFY  {finding}"
    for alarm in report.alarms:
        yield f"ALARM OF THE WITNESS  {json.dumps(dict(alarm))}"
    for service in report.services:
        signed = (
            f"signed up to row {service.signed_seq}" if service.signed_seq else "no head signed: a cut would not show"
        )
        yield f"{service.service}: {service.rows} rows verify, {service.heads} signed heads, {signed}"
    if not report.services:
        yield "the journal is empty"
    yield f"key: {report.key_id or 'none'}{' (pinned by you)' if report.key_pinned else ''}; {report.separation}"
