"""``tidegate rollback --preview`` and ``--without-airflow``: what it would do, and doing it from this terminal."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import asdict

import typer

from tidegate.cli.person import account, actor
from tidegate.cli.service import find_policy, find_world
from tidegate.engine import making_room
from tidegate.engine.open import Request, open_operation
from tidegate.engine.preview import CHANGE, FORBIDDEN, LATER, NOTHING, UNSEEN, WAITS, Preview, preview_rollback
from tidegate.engine.world import World
from tidegate.errors import GivesWay, Refused
from tidegate.model.operation import OperationKind
from tidegate.plan.rollback import rollback_plan

_SIGNS = {
    CHANGE: "would change",
    NOTHING: "nothing to do",
    LATER: "later",
    WAITS: "waits",
    UNSEEN: "NOT SEEN",
    FORBIDDEN: "REFUSED",
}


def preview(service: str, to: str | None, as_json: bool) -> None:
    """Print what a rollback would do now. Raises :class:`Refused` if it could not begin or not end."""
    found = preview_rollback(find_world(service), to)
    typer.echo(json.dumps({**asdict(found), "refusals": list(found.refusals)}) if as_json else "\n".join(_words(found)))
    if found.refusals:
        raise Refused(f"it would be refused: {'; '.join(found.refusals)}", next_step=f"look: tidegate status {service}")


def _words(found: Preview) -> Iterator[str]:
    yield f"rollback of {found.service}: {found.leaves} would be left, {found.target} would take all traffic"
    if found.makes_room:
        yield f"first: {found.makes_room} would turn back and make room; it does by itself what it has to take back"
    yield f"ladder: {' -> '.join(found.rungs)}; the first rung that restores health and data is the last one taken"
    rung = None
    for node in found.nodes:
        if node.rung != rung:
            rung = node.rung
            yield f"{'rung ' + rung if rung else 'before and after the ladder'}:"
        yield f"  {_SIGNS[node.standing]:14} {node.node:26} {node.what}{f' ({node.why})' if node.why else ''}"
    for refusal in found.refusals:
        yield f"refused: {refusal}"
    yield "Did anything change? No: this only looked."


def roll_back_here(service: str, to: str | None, by: str | None, reason: str, fast_lane: bool, request_id: str) -> None:
    """Open a rollback and carry it to its end in this process; exits with how it ended."""
    from tidegate.cli import carrying

    by = by or account()
    loaded, world = find_policy(service), find_world(service)
    request = Request(OperationKind.ROLLBACK, request_id or str(uuid.uuid4()), by, reason, to, fast_lane)
    plan = rollback_plan(loaded.policy, loaded.digest)
    try:
        view = open_operation(world, request, plan, actor=actor(by))
    except GivesWay as way:
        make_room(world, way, by)
        view = open_operation(world, request, plan, actor=actor(by))
    typer.echo(f"{view.id}: {view.binding.candidate_version} -> {view.binding.stable.version}")
    for line in carrying.ahead(world, view):
        typer.echo(line, err=True)
    raise typer.Exit(carrying.carry(world, view, actor(by)))


def make_room(world: World, way: GivesWay, by: str) -> None:
    """What this outranks goes back first, from this terminal too: whoever carried it is refused from now on."""
    typer.echo(f"first: {way.message}")
    if safe := making_room.make_safe(world, way.operation, actor=actor(by)):
        typer.echo(f"is it safe?  {safe}")
    ended = making_room.carry_to_its_end(
        world, way.operation, taker="a rollback from a terminal", person=by, actor=actor(by)
    )
    typer.echo(f"{ended.id}: {ended.outcome}")
