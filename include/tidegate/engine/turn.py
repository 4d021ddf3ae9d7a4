"""From the way forward to the way back: the guard's stop-loss, and a promotion that could not finish."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.engine.takeover import carries
from tidegate.engine.view import OperationView, fold_operation, require
from tidegate.engine.world import World
from tidegate.errors import Refused
from tidegate.journal.model import EventKind
from tidegate.model.operation import OperationState
from tidegate.plan.model import Phase


def declare_stop_loss(world: World, operation: str, *, why: str, evidence: Mapping[str, Any], actor: str) -> bool:
    """One transaction: the operation stops, the epoch rises, so a shift still on its way is refused at the router.

    False if the operation was not running any more (another guard, or a person, was faster), or if its release is a
    baseline already: that takes a rollback. The effect itself is the
    step ``return.stop-loss``, run right after by whoever declared.
    """
    with world.journal.locked(world.service) as txn:
        view = fold_operation(txn.events(operation=operation))
        if view is None or view.state is not OperationState.RUNNING or view.committed:
            return False
        epoch = txn.raise_epoch()
        body = {"why": why, "burn": evidence.get("burn"), "evidence": dict(evidence)}
        txn.append(EventKind.STOP_LOSS, body, actor=actor, operation=operation, epoch=epoch)
        return True


def turn_back(world: World, operation: str, *, why: str, actor: str) -> OperationView:
    """Stop a running operation and send it on its way back. On one that is stopping already: nothing.

    Raises :class:`Refused` once the release is certified.
    """
    with world.journal.locked(world.service) as txn:
        view = require(fold_operation(txn.events(operation=operation)), operation)
        if view.committed:
            raise Refused(
                f"{operation}: the release is certified ({why})", next_step=f"roll back: rollback__{view.service}"
            )
        if view.state is OperationState.RUNNING:
            epoch = txn.raise_epoch()
            txn.append(EventKind.TURNED_BACK, {"why": why}, actor=actor, operation=operation, epoch=epoch)
    return require(fold_operation(world.journal.events(world.service, operation=operation)), operation)


def turn_if_incomplete(world: World, operation: str, node_id: str, *, actor: str) -> None:
    """Reaching a node of the way back while the way forward is incomplete means that something there failed."""
    view = require(fold_operation(world.journal.events(world.service, operation=operation)), operation)
    if view.state is not OperationState.RUNNING or view.forward_complete or view.committed:
        return
    stage = next((s for s, n in view.plan.nodes() if n.id == node_id), None)
    if stage is not None and stage.phase is Phase.RETURN:
        carries(view, actor)
        turn_back(world, operation, why=why_incomplete(view), actor=actor)


def why_incomplete(view: OperationView) -> str:
    """The first failure in plan order, in words; or the first node that did not get done."""
    refusals = view.refused_by
    for stage, node in view.plan.nodes():
        if stage.phase is not Phase.FORWARD or view.verified(node.id):
            continue
        if node.id in refusals:
            return f"{node.id}: {refusals[node.id]}"
        if node.id in view.failures:
            return f"{node.id}: {view.failures[node.id]}"
    first = next(n.id for s, n in view.plan.nodes() if s.phase is Phase.FORWARD and not view.verified(n.id))
    return f"{first} was not done"
