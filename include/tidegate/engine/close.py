"""End an operation: only when the journal shows every bound node as verified."""

from __future__ import annotations

from typing import Any

from tidegate.engine.ladder import debts
from tidegate.engine.moving import given_up
from tidegate.engine.objectives import keep_measured
from tidegate.engine.takeover import carries
from tidegate.engine.turn import why_incomplete
from tidegate.engine.view import OperationView, fold_operation, require
from tidegate.engine.world import World
from tidegate.errors import NotYet
from tidegate.journal.model import EventKind
from tidegate.model.operation import GOOD_END, MOVING, OperationKind, OperationState, Outcome
from tidegate.plan.model import Phase
from tidegate.plan.names import APPROVE_LOSS


def close_operation(world: World, operation: str, *, actor: str) -> OperationView:
    """Close it and give the lease back. On a closed one: nothing. Raises :class:`NotYet` naming what is still open."""
    with world.journal.locked(world.service) as txn:
        view = require(fold_operation(txn.events(operation=operation)), operation)
        if view.state is OperationState.CLOSED:
            return view
        carries(view, actor)
        outcome, why = _outcome(view)
        body = {"outcome": outcome.value, "why": why, **how_far(view, outcome)}
        keep_measured(txn, view, world.clock.now(), actor)
        txn.append(EventKind.OPERATION_CLOSED, body, actor=actor, operation=operation, epoch=txn.raise_epoch())
        if txn.head.lease is not None and txn.head.lease.operation == operation:
            txn.set_lease(None)
    return require(fold_operation(world.journal.events(world.service, operation=operation)), operation)


def how_far(view: OperationView, outcome: Outcome) -> dict[str, Any]:
    """The rung at which the ladder stopped, and what was left undone: for the closing row of what was taken back."""
    if outcome is not Outcome.ROLLED_BACK:
        return {}
    owed = [{"node": node, **debt} for node, debt in debts(view).items()]
    return {"rung": view.stopped_at.value if view.stopped_at else None, **({"debts": owed} if owed else {})}


def _outcome(view: OperationView) -> tuple[Outcome, str]:
    if view.state is OperationState.RUNNING and view.forward_complete:
        return GOOD_END[view.kind], "every step verified"
    if not view.touched:
        return Outcome.REFUSED, view.why_back or why_incomplete(view)
    if why := given_up(view):
        return Outcome.TURNED_BACK, f"{APPROVE_LOSS}: {why}"
    waiting = [
        n.id
        for s, n in view.plan.nodes()
        if not view.verified(n.id) and (s.phase is Phase.RETURN or view.state is OperationState.RUNNING)
    ]
    if waiting:
        raise NotYet(
            f"operation {view.id} is not at its end: {waiting[0]} is not verified ({len(waiting)} left)",
            next_step=f"retry {waiting[0]}, or: "
            f"tidegate break-glass {view.service} {view.id} --by <name> --reason <why>",
        )
    turned = view.kind in MOVING or view.kind is OperationKind.RESTORE
    return Outcome.TURNED_BACK if turned else Outcome.ROLLED_BACK, view.why_back
