"""``tidegate readiness``: could the service go back now, and what to do where it could not."""

from __future__ import annotations

import json
from collections.abc import Iterator

import typer

from tidegate.cli.exit_codes import ExitCode
from tidegate.cli.operations import AsJson, Service
from tidegate.cli.person import account
from tidegate.cli.service import find_world
from tidegate.engine import readiness as engine


def register(app: typer.Typer) -> None:
    app.command("readiness")(readiness)


def readiness(service: Service, as_json: AsJson = False) -> None:
    """Fetch and verify the last three baselines with each region away in turn. Exits with 4 if one is not ready.

    Takes no lease and changes nothing; the pages show the newest answer. Run it on a schedule.
    """
    found = engine.assess(find_world(service), actor=f"readiness (account {account()})")
    typer.echo(json.dumps({"service": service, **found.to_json()}) if as_json else "\n".join(_words(service, found)))
    if not found.ready:
        raise typer.Exit(ExitCode.REFUSED)


def _words(service: str, found: engine.Readiness) -> Iterator[str]:
    for item in sorted(found.items, key=lambda one: one.ready, reverse=True):
        away = f" with {item.away} away" if item.away else ""
        yield f"{'green' if item.ready else 'RED  '}  {item.of or service:8} {item.what}{away}: {item.why}"
        if not item.ready:
            yield f"       {'':8} next: {item.do}"
    red = sum(not item.ready for item in found.items)
    ending = f"NOT READY to go back: {red} of {len(found.items)} red" if red else "ready to go back"
    yield f"{service}: {ending}"
