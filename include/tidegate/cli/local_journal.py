"""A journal beside one that is out of reach: begun by ``--local-journal``, taken in by ``tidegate journal import``."""

from __future__ import annotations

import os
import tarfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from tidegate.cli.person import By, Why, actor, why
from tidegate.cli.reading import reading_journal
from tidegate.cli.service import find_paper, find_policy
from tidegate.engine.local_journal import FILE, Known, open_local, url_of
from tidegate.engine.readiness_bundle import bundle_file
from tidegate.errors import JournalError, Refused
from tidegate.journal.settings import VARIABLE
from tidegate.journal.store import Journal
from tidegate.policy import places

app = typer.Typer(help="Journals beside the service's own.", no_args_is_help=True)


def register(parent: typer.Typer) -> None:
    parent.add_typer(app, name="journal")


def begin_beside(
    service: str, directory: Path, signed_by: Sequence[Path], bundle: Path | None, by: str, reason: str
) -> None:
    """Open the local journal, and have this process, and those it names, use it. Raises :class:`Refused` while the
    service's own journal answers: there would be two authorities for nothing."""
    from tidegate.publishing.keys import key_from_file

    url = url_of(directory)
    if os.environ.get(VARIABLE) != url:
        _must_be_out_of_reach(service)
    loaded = find_policy(service)
    known = _known(bundle or bundle_file(places.home(), service))
    keys = [key_from_file(path) for path in signed_by]
    open_local(directory, loaded.policy, loaded.digest, known, keys, reason=reason, actor=actor(by), clock=time.time)
    os.environ.pop(f"{VARIABLE}_FILE", None)
    os.environ[VARIABLE] = url
    typer.echo(f"local journal: {directory / FILE}, from row {known.seq} on, of a higher class", err=True)
    typer.echo(f"in every other terminal: export {VARIABLE}={url}", err=True)
    typer.echo(f"when the journal is back: tidegate journal import {directory} --by NAME --reason WHY", err=True)


@app.command("import")
def import_(
    directory: Annotated[Path, typer.Argument(help="The folder of --local-journal.")],
    by: By,
    reason: Why = "",
) -> None:
    """Take a local journal into the service's own: verified, its two signatures too; twice is once.

    Its epochs are higher, so it wins the lease. What the own journal has done meanwhile stays, and is named as a fork.
    """
    from tidegate.engine.import_journal import import_local

    local = _local(directory)
    (service,) = local.services()
    world = find_paper(service)
    done = import_local(world, local, person=by, reason=why(reason), actor=actor(by))
    typer.echo(f"{service}: {done.rows} row(s) taken in" if done.rows else f"{service}: all of it is here already")
    if done.fork:
        typer.echo(f"fork: this journal has written {done.fork} row(s) meanwhile; they stay")
    for line in (*(f"superseded: {one}" for one in done.superseded), *(f"conflict: {one}" for one in done.conflicts)):
        typer.echo(line)
    typer.echo(f"next:  tidegate audit verify; tidegate status {service}; keep {directory}")


def _local(directory: Path) -> Journal:
    journal = Journal(url_of(directory), read_only=True)
    if not (directory / FILE).exists() or len(journal.services()) != 1:
        raise Refused(f"there is no local journal in {directory}", next_step="name the folder of --local-journal")
    return journal


def _must_be_out_of_reach(service: str) -> None:
    try:
        journal = reading_journal()
        journal.head(service)
    except JournalError:
        return
    raise Refused(
        f"the journal at {journal.place} answers: a second one would be a second authority for nothing",
        next_step="the same command without --local-journal",
    )


def _known(bundle: Path) -> Known:
    from tidegate.report.glass_bundle import FACTS, HEAD

    try:
        with tarfile.open(bundle, "r:gz") as archive:
            head, facts = (archive.extractfile(name) for name in (HEAD, FACTS))
            if head is None or facts is None:
                raise KeyError(HEAD)
            return Known.of(head.read(), facts.read())
    except (OSError, KeyError, tarfile.TarError) as error:
        raise Refused(
            f"{bundle} is no break-glass bundle that can be read ({type(error).__name__})",
            next_step="--bundle FILE.tar.gz, as tidegate bundle made it",
        ) from None
