"""Break-glass: a person takes an operation over when whoever ran it is gone."""

from __future__ import annotations

from tidegate.engine.open import LEASE_TTL
from tidegate.engine.permission import GUARD, permit
from tidegate.engine.view import STOP_LOSS_NODE, OperationView, fold_operation, require
from tidegate.engine.world import World
from tidegate.errors import LeaseLost, Refused
from tidegate.journal.model import EventKind, Lease
from tidegate.model.operation import OperationState
from tidegate.model.roles import Action


def take_over(world: World, operation: str, *, person: str, reason: str, actor: str = "") -> OperationView:
    """Raise the epoch and hold the lease, so that whoever ran the operation is refused from now on. ``actor``: as the
    journal shall name who did it, the person if left out.

    Raises :class:`Forbidden` for who may not, :class:`Refused` if it is closed, paused, or another operation holds the
    service.
    """
    permit(world.policy, person, Action.CONTROL)
    with world.journal.locked(world.service) as txn:
        view = require(fold_operation(txn.events(operation=operation)), operation)
        if view.state is OperationState.CLOSED:
            raise Refused(f"operation {operation} is closed: {view.outcome}", next_step="nothing: it is over")
        if view.held is not None:
            raise Refused(
                f"operation {operation} is paused by {view.held.person}: {view.held.why}",
                next_step=f"tidegate resume {view.service} {operation} --by <name> --reason <why>, then this again",
            )
        lease = txn.head.lease
        if lease is not None and lease.operation != operation:
            raise Refused(
                f"the service is held by {lease.operation}", next_step=f"take that one over: {lease.operation}"
            )
        epoch = txn.raise_epoch()
        body = {"person": person, "why": reason, "from": lease.holder if lease else None}
        txn.append(EventKind.LEASE_TAKEN, body, actor=actor or person, operation=operation, epoch=epoch)
        txn.set_lease(Lease(operation, view.kind, person, world.clock.now() + LEASE_TTL))
    return view


def hand_back(world: World, operation: str, *, actor: str) -> None:
    """Let whoever comes next carry the operation on: Airflow's run, once its tasks are cleared, or another person. On
    one that this actor has not taken over, or that is closed: nothing."""
    with world.journal.locked(world.service) as txn:
        view = require(fold_operation(txn.events(operation=operation)), operation)
        if view.taken_by != actor or view.state is OperationState.CLOSED:
            return
        body = {"why": "handed back", "handed_back": True}
        txn.append(EventKind.LEASE_TAKEN, body, actor=actor, operation=operation, epoch=txn.raise_epoch())


def give_back(world: World, operation: str, *, person: str, reason: str, actor: str) -> None:
    """Let Airflow's run carry on what somebody has taken over, although they may still be at it: the epoch rises, so
    they are refused. On one that nobody has taken over, or that is closed: nothing. Raises :class:`Forbidden`."""
    permit(world.policy, person, Action.CONTROL)
    with world.journal.locked(world.service) as txn:
        view = require(fold_operation(txn.events(operation=operation)), operation)
        if view.taken_by and view.state is not OperationState.CLOSED:
            body = {"person": person, "why": reason, "from": view.taken_by, "handed_back": True}
            txn.append(EventKind.LEASE_TAKEN, body, actor=actor, operation=operation, epoch=txn.raise_epoch())


def carries(view: OperationView, actor: str, node_id: str = "") -> None:
    """After break-glass only whoever took the operation over carries it on; everybody may make its traffic safe.

    Raises :class:`LeaseLost` for whoever ran it before, and for the later tasks of its run in Airflow.
    """
    if view.taken_by in ("", actor) or actor == GUARD or node_id == STOP_LOSS_NODE:
        return
    raise LeaseLost(
        f"operation {view.id} was taken over by {view.taken_by}, who carries it on",
        next_step=f"leave it to them: tidegate status {view.service}; when it is over, clear this task",
    )
