"""``tidegate readiness``: could the service go back and move now, and what to do where it could not."""

from __future__ import annotations

import json
from collections.abc import Iterator

import typer

from tidegate.cli.exit_codes import ExitCode
from tidegate.cli.operations import AsJson, Service
from tidegate.cli.person import account
from tidegate.cli.service import find_policy, find_world
from tidegate.engine import readiness as engine
from tidegate.engine.readiness_item import State
from tidegate.engine.world import World

_COLOURS = {State.READY: "green", State.NEVER: "never", State.NOT_READY: "RED  "}  # what is red stands last


def register(app: typer.Typer) -> None:
    app.command("readiness")(readiness)


def readiness(service: Service, as_json: AsJson = False) -> None:
    """Fetch and verify the last three baselines with each region away in turn, and look at all that a move to the other
    region would need. Exits with 4 if anything is red; what never was (a drill) is told, and is not red.

    Takes no lease and changes nothing; the pages show the newest answer. Run it on a schedule.
    """
    world = find_world(service)
    _fresh_bundle(world)
    found = engine.assess(world, actor=f"readiness (account {account()})")
    typer.echo(json.dumps({"service": service, **found.to_json()}) if as_json else "\n".join(_words(service, found)))
    if not found.ready:
        raise typer.Exit(ExitCode.REFUSED)


def _fresh_bundle(world: World) -> None:
    """What break-glass needs is packed anew whenever it is asked whether all is ready."""
    from tidegate.report.glass_bundle import refresh, signed_heads

    loaded = find_policy(world.policy.service)
    if said := refresh(loaded, world.journal, world.estate.site.root, signed_heads()):
        typer.echo(f"warning: {said}", err=True)


def _words(service: str, found: engine.Readiness) -> Iterator[str]:
    order = list(_COLOURS)
    for item in sorted(found.items, key=lambda one: order.index(one.state)):
        away = f" with {item.away} away" if item.away else ""
        yield f"{_COLOURS[item.state]}  {item.of or service:8} {item.what}{away}: {item.why}"
        if not item.ready:
            yield f"       {'':8} next: {item.do}"
    red = sum(item.state is State.NOT_READY for item in found.items)
    never = sum(item.state is State.NEVER for item in found.items)
    ending = f"NOT READY: {red} of {len(found.items)} red" if red else "ready"
    yield f"{service}: {ending}{f'; {never} never looked at' if never else ''}"
