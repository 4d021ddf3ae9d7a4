"""Opening an operation and carrying it to its end in this process, without Airflow."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

import typer

from tidegate.cli import carrying
from tidegate.cli.person import actor
from tidegate.engine import making_room
from tidegate.engine.open import Request, open_operation
from tidegate.engine.view import OperationView
from tidegate.engine.world import World
from tidegate.errors import GivesWay
from tidegate.plan.model import Plan


def carry_out(world: World, request: Request, plan: Plan, told: Callable[[OperationView], str]) -> NoReturn:
    """Exits with how it ended. What it outranks goes back first. ``told``: the line that says what it is about."""
    who = actor(request.requester)
    try:
        view = open_operation(world, request, plan, actor=who)
    except GivesWay as way:
        _make_room(world, way, request)
        view = open_operation(world, request, plan, actor=who)
    typer.echo(f"{view.id}: {told(view)}")
    for line in carrying.ahead(world, view):
        typer.echo(line, err=True)
    raise typer.Exit(carrying.carry(world, view, who))


def _make_room(world: World, way: GivesWay, request: Request) -> None:
    """From this terminal too: whoever carried the other one is refused from now on."""
    who, taker = actor(request.requester), f"a {request.kind.value} from a terminal"
    typer.echo(f"first: {way.message}")
    if safe := making_room.make_safe(world, way.operation, actor=who):
        typer.echo(f"is it safe?  {safe}")
    ended = making_room.carry_to_its_end(world, way.operation, taker=taker, person=request.requester, actor=who)
    typer.echo(f"{ended.id}: {ended.outcome}")
