"""``tidegate pause | resume | abort``: a person's hand on an operation that goes on elsewhere."""

from __future__ import annotations

from typing import Annotated, NoReturn

import typer

from tidegate.cli.exit_codes import ExitCode
from tidegate.cli.operations import Service
from tidegate.cli.person import By, Reason, Why, actor, why
from tidegate.cli.service import find_paper, find_world
from tidegate.errors import Refused
from tidegate.model.operation import chain_of, service_of

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


def resume(
    named: Annotated[str, typer.Argument(metavar="SERVICE|OPERATION", help="The service, or an operation's id.")],
    by: By,
    reason: Why = "",
    operation: Operation = None,
    take_over: Annotated[
        bool, typer.Option("--take-over", help="Carry it to its end here: whoever ran it is refused from now on.")
    ] = False,
    give_back: Annotated[
        bool, typer.Option("--give-back", help="Airflow is to carry it on again: whoever took it over is refused.")
    ] = False,
) -> None:
    """Lift a pause: whoever carries it goes on by itself. Airflow is gone? --take-over carries it on here."""
    service, chosen = (service_of(chain), named) if (chain := chain_of(named)) else (named, operation)
    if take_over and give_back:
        raise Refused("--take-over and --give-back are opposites", next_step="give one of them")
    if take_over:
        _carry_on(service, chosen, by, reason)
    elif give_back:
        _give_back(service, chosen, by, reason)
    else:
        _lift_pause(service, chosen, by, reason)


def _carry_on(service: str, operation: str | None, by: str, reason: str) -> NoReturn:
    from tidegate.cli import carrying
    from tidegate.engine import control

    world = find_world(service)
    carrying.take_over_and_carry(world, control.the_open_operation(world, operation), by, why(reason))


def _give_back(service: str, operation: str | None, by: str, reason: str) -> None:
    from tidegate.engine import control, takeover

    world = find_paper(service)
    chosen = control.the_open_operation(world, operation)
    takeover.give_back(world, chosen, person=by, reason=why(reason), actor=actor(by))
    typer.echo(f"{chosen}: Airflow's run may carry it on; whoever had taken it over is refused")
    typer.echo("next:  clear what failed of its run in Airflow; it finds done what is done")


def _lift_pause(service: str, operation: str | None, by: str, reason: str) -> None:
    from tidegate.engine import control

    world = find_paper(service)
    chosen = control.the_open_operation(world, operation)
    control.resume(world, chosen, person=by, reason=why(reason), actor=actor(by))
    typer.echo(f"{chosen}: not paused; whoever carries it goes on")
    if not (carried := control.carried(world, chosen, but=actor(by))).on:
        typer.echo(f"carried on?  {carried.words}")
        typer.echo(f"next:  tidegate resume {chosen} --take-over --by NAME --reason WHY")
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
