"""``tidegate stop-writes | start-writes``: reads alone, by the router itself, while nobody can take a write.

They need the journal and the router; no database, no instance, no Airflow.
"""

from __future__ import annotations

from typing import Annotated

import typer

from tidegate.cli.operations import Service
from tidegate.cli.person import By, Reason, actor
from tidegate.cli.service import find_world
from tidegate.engine import writes
from tidegate.engine.world import World
from tidegate.errors import TidegateError

SECONDS = 5  # after which whoever wanted to write is told to try again
RetryAfter = Annotated[int, typer.Option("--retry-after", help="Seconds after which a client may try again.")]


def register(app: typer.Typer) -> None:
    app.command("stop-writes")(stop_writes)
    app.command("start-writes")(start_writes)


def stop_writes(service: Service, by: By, reason: Reason, retry_after: RetryAfter = SECONDS) -> None:
    """Serve reads alone: the router answers writes itself, 503 with Retry-After, at once. Stays until it is undone."""
    world = find_world(service)
    new = writes.stop_writes(world, retry_after, person=by, reason=reason, actor=actor(by))
    now = writes.stopped(world.journal, service)
    told = now.retry_after if now else retry_after
    typer.echo(f"{service}: reads only{'' if new else ' already'}: writes get 503 and Retry-After: {told}")
    typer.echo(f"once they can be taken:  tidegate start-writes {service} --by NAME --reason WHY")


def start_writes(service: Service, by: By, reason: Reason) -> None:
    """Let requests that write through again."""
    world = find_world(service)
    new = writes.start_writes(world, person=by, reason=reason, actor=actor(by))
    typer.echo(f"{service}: {'writes go through again' if new else 'writes were not stopped: nothing to do'}")
    if none := _nobody(world):
        typer.echo(f"NOBODY TAKES THEM YET: {none}")


def _nobody(world: World) -> str:
    """Why no database takes writes now, empty if one does."""
    try:
        return "" if world.estate.database.writers() else "no region's database takes writes"
    except TidegateError as error:
        return str(error)
