"""``tidegate bundle``: what break-glass needs of a service, in one file, kept where nothing of the service runs."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated

import typer

from tidegate.cli.operations import Service
from tidegate.cli.reading import reading_journal
from tidegate.cli.service import find_policy
from tidegate.policy import places


def register(app: typer.Typer) -> None:
    app.command("bundle")(bundle)


def bundle(
    service: Service,
    out: Annotated[Path, typer.Option("--out", help="The file to write, NAME.tar.gz.")],
) -> None:
    """Pack plans, policy, runbook, names of connections, verification keys and the journal's newest head. No secrets.

    The same policy and journal are the same bytes. Readiness makes it anew below TIDEGATE_HOME/break-glass.
    """
    from tidegate.report.glass_bundle import contents, packed, signed_heads, write

    loaded = find_policy(service)
    files = contents(loaded, reading_journal(), places.home(), signed_heads())
    data = packed(files)
    write(data, out)
    typer.echo(f"{out}: {len(files)} files, sha256:{hashlib.sha256(data).hexdigest()}")
    typer.echo("next:  keep a copy where nothing of the service's runs; in an empty folder: tar xzf, then RUNBOOK.md")
