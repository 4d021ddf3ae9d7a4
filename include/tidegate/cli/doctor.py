"""``tidegate doctor``: what is missing, why it matters, and the command that mends it. Reads only."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from tidegate.cli.audit import STORE
from tidegate.cli.exit_codes import ExitCode
from tidegate.doctor.dags import dags
from tidegate.doctor.finding import Finding, Level, missing
from tidegate.doctor.journal import journal as journal_findings
from tidegate.doctor.policies import connections, policies
from tidegate.doctor.readiness import readiness
from tidegate.doctor.service import drivers, watched
from tidegate.doctor.software import disk, software, versions
from tidegate.drivers.credentials import from_environment
from tidegate.engine.assemble import connect_estate
from tidegate.errors import JournalError, Refused, TidegateError
from tidegate.journal.settings import journal_url
from tidegate.journal.store import Journal
from tidegate.policy import places
from tidegate.policy.folder import load_folder
from tidegate.policy.likely import likely
from tidegate.policy.load import Loaded
from tidegate.policy.schema import Policy
from tidegate.remote.airflow import Airflow
from tidegate.remote.settings import URL, connect, named


def register(app: typer.Typer) -> None:
    app.command("doctor")(doctor)


def doctor(
    service: Annotated[str | None, typer.Argument(help="One service; all that have a policy if left out.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON value, for scripts.")] = False,
) -> None:
    """Say what is missing, why it matters and how it is mended. Exits with 4 if anything is; warnings do not count."""
    found = list(look(service))
    if as_json:
        typer.echo(
            json.dumps(
                {"versions": versions(), "findings": [asdict(finding) for finding in found]},
                indent=2,
                ensure_ascii=False,
            )
        )
    else:
        typer.echo("\n".join(words(found)))
    if any(finding.level is Level.MISSING for finding in found):
        raise typer.Exit(ExitCode.REFUSED)


def look(service: str | None = None) -> Iterator[Finding]:
    """Everything, from the ground up. Raises :class:`Refused` for a service that has no policy."""
    folder, now = places.policy_folder(), time.time()
    found = load_folder(folder, places.snapshots(), record=False)
    chosen = _chosen(found.policies, service)
    yield from software()
    yield disk(places.home())
    yield from policies(folder, found)
    journal, told = _journal()
    yield from told
    if journal:
        yield from journal_findings(journal, Path(os.environ[STORE]) if STORE in os.environ else None, now)
    airflow, why = _airflow()
    yield from why
    for loaded in chosen:
        yield from _service(loaded.policy, journal, airflow, now)


def _chosen(known: tuple[Loaded, ...], service: str | None) -> list[Loaded]:
    chosen = [loaded for loaded in known if service in (None, loaded.policy.service)]
    if service and not chosen:
        hint = likely(service, [loaded.policy.service for loaded in known])
        raise Refused(f"there is no policy for service {service!r}", next_step=hint or "tidegate init")
    return chosen


def _service(policy: Policy, journal: Journal | None, airflow: Airflow | None, now: float) -> Iterator[Finding]:
    asks = airflow.has_connection if airflow else None
    yield from connections(policy, from_environment, os.environ, asks)
    yield from drivers(policy, lambda: connect_estate(policy, places.home()))
    if journal:
        with contextlib.suppress(JournalError):  # told of the journal itself
            yield from watched(policy, journal, now)
            yield from readiness(policy.service, journal, now)
    yield from dags(policy.service, airflow)


def _journal() -> tuple[Journal | None, list[Finding]]:
    try:
        return Journal(journal_url(), read_only=True), []
    except TidegateError as error:
        mend = error.next_step or "see TIDEGATE_JOURNAL"
        return None, [missing("journal", error.message, "no operation runs without it", mend)]


def _airflow() -> tuple[Airflow | None, list[Finding]]:
    if not (os.environ.get(URL) and named(os.environ)):  # an address alone, as in var/lab/env: it is not asked
        return None, []
    try:
        return connect(), []
    except TidegateError as error:
        return None, [missing("airflow", error.message, "nobody can ask it", error.next_step)]


def words(found: list[Finding]) -> Iterator[str]:
    """Versions, then what is missing last, where the eye is; each with its reason and its command."""
    yield versions()
    order = {Level.OK: 0, Level.WARN: 1, Level.MISSING: 2}
    for finding in sorted(found, key=lambda f: order[f.level]):
        yield f"{finding.level:8} {finding.check}: {finding.says}"
        if finding.level is not Level.OK:
            yield f"         why:  {finding.why}"
            yield f"         mend: {finding.mend}"
    count = {level: sum(finding.level is level for finding in found) for level in Level}
    warnings = "1 warning" if count[Level.WARN] == 1 else f"{count[Level.WARN]} warnings"
    yield f"{count[Level.OK]} ok, {warnings}, {count[Level.MISSING]} missing; nothing was changed"
