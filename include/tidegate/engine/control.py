"""A person's hand on an open operation: pause, resume, abort. Each is one row of the journal, with the person's name.

None of them takes the operation away from whoever carries it on: that is break-glass (:mod:`tidegate.engine.takeover`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tidegate.engine import carriers, watchkeeping
from tidegate.engine.brakes import BRAKE_KINDS, FORWARD, fold_brakes
from tidegate.engine.contracting import past_the_point
from tidegate.engine.execute import run_step
from tidegate.engine.permission import permit
from tidegate.engine.view import STOP_LOSS_NODE, OperationView, fold_operation, require
from tidegate.engine.world import World
from tidegate.errors import Refused, TidegateError
from tidegate.journal.model import Event, EventKind
from tidegate.journal.store import Transaction
from tidegate.model.operation import MOVING, OperationKind, OperationState
from tidegate.model.roles import Action

TRIES, TRY_AGAIN = 4, 0.25  # of a stop-loss that the guard may be doing in the same moment; seconds
THE_GUARD = "The standing guard takes the weight away by itself as soon as it can."
_BY_HAND = frozenset({EventKind.HELD, EventKind.RESUMED, EventKind.TURNED_BACK})


@dataclass(frozen=True)
class Order:
    """What a machine may repeat in a person's name: ``id`` is the same each time, ``at`` (epoch seconds) is when the
    person gave it. An order is void once somebody has used a control after it: nobody lifts another's pause by a retry.
    """

    id: str
    at: float


@dataclass(frozen=True)
class MadeSafe:
    """Whether the stop-loss is done, in words. ``done`` False: the standing guard does it, again and again."""

    done: bool
    detail: str


def the_open_operation(world: World, operation: str | None = None) -> str:
    """The operation that is meant: the one named, or the one that holds the service. Raises :class:`Refused`."""
    if operation:
        return operation
    view = watchkeeping.open_operation_of(world)
    if view is None:
        raise Refused(
            f"no operation of {world.service} is open: there is nothing to control",
            next_step=f"look: tidegate status {world.service}",
        )
    return view.id


def row_of(world: World, order: str) -> Event | None:
    """The row that this order has written, on whichever operation of the service; None if it has written none."""
    rows = world.journal.events(world.service, kinds=_BY_HAND)
    return next((e for e in reversed(rows) if e.body.get("order") == order), None)


def pause(
    world: World, operation: str, *, person: str, reason: str, actor: str, order: Order | None = None
) -> OperationView:
    """Hold it: no step, gate or question goes on, weights stand still, the guard watches on and may stop the loss.

    A step that is being done now is finished. Paused already: nothing. Raises `Forbidden`, `Refused` if closed.
    """
    permit(world.policy, person, Action.CONTROL)
    with world.journal.locked(world.service) as txn:
        view = _open(txn, operation, order)
        if view.held is None:
            body = {"person": person, "why": reason, **_named(order)}
            txn.append(EventKind.HELD, body, actor=actor, operation=operation)
    return _read(world, operation)


def resume(
    world: World, operation: str, *, person: str, reason: str, actor: str, order: Order | None = None
) -> OperationView:
    """Lift the pause. On one that is not paused: nothing. Raises :class:`Forbidden`, :class:`Refused` if it is closed,
    or would go forward while the line is stopped."""
    permit(world.policy, person, Action.CONTROL)
    with world.journal.locked(world.service) as txn:
        view = _open(txn, operation, order)
        if view.held is not None:
            _line_runs(txn, view)
            _lift(txn, operation, {"person": person, "why": reason, **_named(order)}, actor)
    return _read(world, operation)


def abort(
    world: World, operation: str, *, person: str, reason: str, actor: str, order: Order | None = None
) -> OperationView:
    """Turn a promotion back: the epoch rises, so a shift on its way is refused at the router; then :func:`make_safe`,
    and the way back is carried on by whoever carries the operation. Lifts a pause. On its way back already: nothing.

    Raises :class:`Forbidden` for who may not, :class:`Refused` on a rollback, a certified promotion, a closed one.
    """
    permit(world.policy, person, Action.CONTROL)
    with world.journal.locked(world.service) as txn:
        view = _open(txn, operation, order)
        _may_abort(view)
        if view.state is OperationState.RUNNING:
            body = {"why": f"aborted by {person}: {reason}", "person": person, **_named(order)}
            epoch = txn.raise_epoch()
            txn.append(EventKind.TURNED_BACK, body, actor=actor, operation=operation, epoch=epoch)
        elif view.held is not None:
            _lift(txn, operation, {"person": person, "why": reason, **_named(order)}, actor)
    return _read(world, operation)


def make_safe(world: World, operation: str, *, actor: str) -> MadeSafe:
    """Run the stop-loss of an operation on its way back, here and now. Never raises for what the guard mends."""
    if _read(world, operation).kind is OperationKind.RESTORE:
        return MadeSafe(True, "the live database was not touched, and traffic stays as it is")
    said = ""
    for _ in range(TRIES):
        try:
            return MadeSafe(True, run_step(world, operation, STOP_LOSS_NODE, actor=actor).detail)
        except TidegateError as error:
            said = str(error)
            if not error.retryable:
                break
        world.clock.sleep(TRY_AGAIN)
    return MadeSafe(False, f"{said} {THE_GUARD}")


def make_safe_from(reach: Callable[[], World], operation: str, *, actor: str) -> MadeSafe:
    """As :func:`make_safe`, in the world that ``reach`` connects. If it cannot be connected from here, the guard does
    it: the row that turns the operation back is what counts, and it is written already."""
    try:
        world = reach()
    except TidegateError as error:
        return MadeSafe(False, f"this process cannot reach the estate: {error} {THE_GUARD}")
    return make_safe(world, operation, actor=actor)


def carried(world: World, operation: str, *, but: str, run_state: str | None = None) -> carriers.Carried:
    """Whether anybody carries the operation on, after a control was used. ``but``: the actor who used it; what their
    own hand wrote (a stop-loss) is no sign that anybody goes on. ``run_state``: as for :func:`carriers.carried_on`."""
    rows = world.journal.events(world.service, operation=operation)
    view = require(fold_operation(rows), operation)
    others = [row for row in rows if row.actor != but]
    return carriers.carried_on(view, others, world.journal.beats(world.service), world.clock.now(), run_state=run_state)


def _open(txn: Transaction, operation: str, order: Order | None) -> OperationView:
    view = require(fold_operation(txn.events(operation=operation)), operation)
    if view.state is OperationState.CLOSED:
        back = f"roll back: rollback__{view.service}" if view.certified else "nothing: it is over"
        raise Refused(f"operation {operation} is closed: {view.outcome}", next_step=back)
    if order is not None:
        _still_meant(txn.events(operation=operation, kinds=_BY_HAND), order)
    return view


def _still_meant(rows: Iterable[Event], order: Order) -> None:
    for row in rows:
        person = row.body.get("person")
        if person and row.at > order.at and row.body.get("order") != order.id:
            raise Refused(
                f"{person} has used a control since this was asked for ({row.kind.value}): it is an old order",
                next_step=f"look at {row.operation}; if it is still meant, trigger it anew in your own name",
            )


def _line_runs(txn: Transaction, view: OperationView) -> None:
    line = fold_brakes(txn.events(kinds=BRAKE_KINDS)).line
    if line is None or view.exemption is not None or view.state is not OperationState.RUNNING:
        return
    if view.kind in FORWARD and not view.committed and not past_the_point(view):
        raise Refused(
            f"the line of {view.service} is stopped by {line}: {view.id} stands still until it is started again",
            next_step=f"tidegate start-line {view.service} --by <name> --reason <why>; or abort {view.id}",
        )


def _named(order: Order | None) -> dict[str, str]:
    return {"order": order.id} if order else {}


def _may_abort(view: OperationView) -> None:
    if view.kind is OperationKind.CONTRACT and past_the_point(view):
        raise Refused(
            f"{view.id}: the schema contract has been begun, and that is the point of no return",
            next_step="let it end: retry the task that failed, it looks first",
        )
    if view.kind is OperationKind.ROLLBACK:
        raise Refused(
            f"{view.id} is a rollback: it is the way back itself, and has no other",
            next_step=f"let it end, then promote again: promote__{view.service}; to hold it: tidegate pause "
            f"{view.service} {view.id} --by <name> --reason <why>",
        )
    if view.kind in MOVING and (view.kind is not OperationKind.SWITCHOVER or view.committed):
        raise Refused(
            f"{view.id} is a {view.kind.value}, and the shortest way to a service that is well is its end",
            next_step=f"let it end; then home: tidegate switchover {view.service} --to <region> --reason <why>",
        )
    if view.committed and view.kind is OperationKind.RESTORE:
        raise Refused(
            f"{view.id}: the databases may have changed places, and that is the point of no return",
            next_step=f"let it end: tidegate resume {view.id} --take-over; it looks first",
        )
    if view.committed:
        raise Refused(
            f"{view.id}: the release is certified, there is nothing left to abort",
            next_step=f"let it end, then roll back: rollback__{view.service}",
        )


def _lift(txn: Transaction, operation: str, body: dict[str, str], actor: str) -> None:
    txn.append(EventKind.RESUMED, body, actor=actor, operation=operation)


def _read(world: World, operation: str) -> OperationView:
    return require(fold_operation(world.journal.events(world.service, operation=operation)), operation)
