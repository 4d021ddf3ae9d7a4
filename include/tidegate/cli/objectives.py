"""``tidegate objectives``: how long each move took and what it lost, beside RTO and RPO."""

from __future__ import annotations

import json
import time

import typer

from tidegate.cli.operations import AsJson, Service
from tidegate.cli.reading import known_service, reading_journal
from tidegate.engine.objectives import kept, recovery_of
from tidegate.engine.watchkeeping import open_view
from tidegate.report.objectives import history_lines, objectives_document


def register(app: typer.Typer) -> None:
    app.command("objectives")(objectives)


def objectives(service: Service, as_json: AsJson = False) -> None:
    """RTO and RPO of each switchover and failover, measured by stage and kept; the open one with its forecast.

    Reads the journal only.
    """
    journal, now = reading_journal(), time.time()
    known_service(journal, service)
    found = [measured for _, measured in kept(journal, service)]
    view = open_view(journal, service)
    running = recovery_of(journal, view, now) if view is not None else None
    if as_json:
        rows = [objectives_document(one) for one in found]
        typer.echo(json.dumps({"service": service, "measured": rows, "open": objectives_document(running)}))
        return
    for line in history_lines(service, [*found, *([running] if running else [])]):
        typer.echo(line)
    if not found and running is None:
        typer.echo(f"{service}: no switchover and no failover has been measured yet")
