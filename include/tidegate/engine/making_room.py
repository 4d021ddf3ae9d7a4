"""What a higher operation does while a lower one makes room for it: see that traffic is safe, wait, and carry the lower
one's way back itself if nobody else does."""

from __future__ import annotations

from tidegate.engine import carriers, control
from tidegate.engine.permission import GUARD, permit
from tidegate.engine.runner import Halt, drive
from tidegate.engine.takeover import hand_back
from tidegate.engine.view import OperationView, fold_operation, require
from tidegate.engine.world import World
from tidegate.errors import LeaseLost, Refused
from tidegate.journal.model import EventKind
from tidegate.model.operation import OperationState
from tidegate.model.roles import Action


def make_safe(world: World, lower: str, *, actor: str) -> str:
    """The lower one's stop-loss, here and now; the guard does it as well. Words for the log, empty if it has none to
    do: its release is certified, or it is closed."""
    view = _read(world, lower)
    if view.state is not OperationState.STOPPING:
        return ""
    return control.make_safe(world, lower, actor=actor).detail


def stranded(world: World, lower: str) -> str:
    """Why nobody carries the lower operation on, empty while somebody does or once it is closed. It takes the journal
    alone. A paused one is nobody's to carry: its pause is lifted when it is turned back."""
    rows = world.journal.events(world.service, operation=lower)
    view = require(fold_operation(rows), lower)
    found = carriers.carried_on(view, rows, world.journal.beats(world.service), world.clock.now())
    return "" if found.on or view.state is OperationState.CLOSED else found.words


def carry_to_its_end(world: World, lower: str, *, taker: str, person: str, actor: str) -> OperationView:
    """Walk a stranded lower operation to its end: its way back, or what a certified one has left to do.

    The take-over is a row, so whoever wakes up late is refused. Raises :class:`Forbidden` for who may not,
    :class:`Refused` where a person is needed.
    """
    if person != GUARD:
        permit(world.policy, person, Action.CONTROL)
    with world.journal.locked(world.service) as txn:
        view = require(fold_operation(txn.events(operation=lower)), lower)
        if view.state is OperationState.CLOSED:
            return view
        body = {"person": person, "why": f"nobody carried it on, and {taker} waits for it", "from": view.taken_by}
        txn.append(EventKind.LEASE_TAKEN, body, actor=actor, operation=lower, epoch=txn.raise_epoch())
    try:
        return drive(world, lower, actor=actor)
    except Halt as halt:
        raise Refused(
            f"{lower} has to end before {taker} can begin, and {halt}",
            next_step=f"mend it, then: tidegate break-glass {world.service} {lower} --by <name> --reason <why>; then "
            "this again",
        ) from None
    finally:
        _hand_back(world, lower, actor)


def _hand_back(world: World, lower: str, actor: str) -> None:
    try:
        hand_back(world, lower, actor=actor)
    except LeaseLost:  # somebody else has it by now
        return


def _read(world: World, operation: str) -> OperationView:
    return require(fold_operation(world.journal.events(world.service, operation=operation)), operation)
