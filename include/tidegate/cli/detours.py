"""``tidegate detour``: one endpoint class is answered in another region, while everything else stays.

It needs the journal, the router and its log; no database, no Airflow.
"""

from __future__ import annotations

from typing import Annotated

import typer

from tidegate.cli.operations import Service
from tidegate.cli.person import By, Reason, actor
from tidegate.cli.service import find_world
from tidegate.engine import detours
from tidegate.errors import Refused

Endpoint = Annotated[str, typer.Argument(metavar="{endpoint}", help="A class of the policy's endpoints, or `other`.")]
To = Annotated[str, typer.Option("--to", help="The region that answers it.")]
Lift = Annotated[bool, typer.Option("--lift", help="It goes where all requests go.")]


def register(app: typer.Typer) -> None:
    app.command("detour")(detour)


def detour(service: Service, endpoint: Endpoint, by: By, reason: Reason, to: To = "", lift: Lift = False) -> None:
    """Send the requests of one endpoint class to another region; everything else stays. Stays until it is lifted."""
    if bool(to) == lift:
        raise Refused("a detour is either set, --to a region, or lifted", next_step="give one of --to and --lift")
    world = find_world(service)
    if lift:
        new = detours.lift_detour(world, endpoint, person=by, reason=reason, actor=actor(by))
        typer.echo(
            f"{service}: {endpoint} {'goes where all requests go' if new else 'was on no detour: nothing to do'}"
        )
        return
    new = detours.set_detour(world, endpoint, to, person=by, reason=reason, actor=actor(by))
    typer.echo(f"{service}: {endpoint} is answered in {to} alone{'' if new else ' already'}; everything else stays")
    typer.echo(f"once it is well again:  tidegate detour {service} {endpoint} --lift --by NAME --reason WHY")
