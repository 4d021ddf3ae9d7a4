"""``tidegate pause | resume | abort``: a person's hand on an operation that goes on elsewhere."""

from __future__ import annotations

from typing import Annotated

import typer

from tidegate.cli.exit_codes import ExitCode
from tidegate.cli.operations import Service
from tidegate.cli.person import By, Reason, actor
from tidegate.cli.service import find_paper, find_world

Operation = Annotated[str | None, typer.Argument(help="The operation's id; left out: the one that is open.")]


def register(app: typer.Typer) -> None:
    for command in (pause, resume, abort):
        app.command(command.__name__)(command)


def pause(service: Service, by: By, reason: Reason, operation: Operation = None) -> None:
    """Hold an open operation: weights stand still, the guard watches on. What is being done now is finished."""
    from tidegate.engine import control

    world = find_paper(service)
    chosen = control.the_open_operation(world, operation)
    held = control.pause(world, chosen, person=by, reason=reason, actor=actor(by)).held
    assert held is not None
    typer.echo(f"{chosen}: paused by {held.person}: {held.why}")
    typer.echo("did anything change?  no: weights stand still, the guard watches on and may stop the loss")
    typer.echo(f"next:  tidegate resume {service} {chosen} --by NAME --reason WHY, or abort")


def resume(service: Service, by: By, reason: Reason, operation: Operation = None) -> None:
    """Lift a pause: whoever carries the operation goes on by itself. (Airflow is gone? tidegate break-glass.)"""
    from tidegate.engine import control

    world = find_paper(service)
    chosen = control.the_open_operation(world, operation)
    control.resume(world, chosen, person=by, reason=reason, actor=actor(by))
    typer.echo(f"{chosen}: not paused; whoever carries it goes on")
    typer.echo(f"next:  tidegate status {service}")


def abort(service: Service, by: By, reason: Reason, operation: Operation = None) -> None:
    """Turn an open promotion back: traffic is made safe at once; says whether anybody carries its way back on."""
    from tidegate.engine import control

    world = find_paper(service)
    chosen = control.the_open_operation(world, operation)
    view = control.abort(world, chosen, person=by, reason=reason, actor=actor(by))
    safe = control.make_safe_from(lambda: find_world(service), chosen, actor=actor(by))
    typer.echo(f"{chosen}: on its way back: {view.why_back}")
    typer.echo(f"is it safe?  {'yes' if safe.done else 'NOT YET'}: {safe.detail}")
    carried = control.carried(world, chosen, but=actor(by))
    typer.echo(f"carried on?  {carried.words}")
    for way in carried.next or (f"tidegate status {service}",):
        typer.echo(f"next:  {way}")
    if not safe.done:
        raise typer.Exit(ExitCode.LOOK_FIRST)
