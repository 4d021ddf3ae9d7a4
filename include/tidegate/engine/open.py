"""Begin an operation: bind its plan to what is observed, take the lease, write it down. The same request is the same
operation, however often it is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tidegate.engine.facts import FACT_KINDS, ServiceFacts, fold_facts
from tidegate.engine.permission import GUARD, permit
from tidegate.engine.view import OperationView, fold_operation, require
from tidegate.engine.world import World
from tidegate.errors import Refused
from tidegate.journal.model import EventKind, Lease
from tidegate.journal.store import Transaction
from tidegate.model.binding import Binding
from tidegate.model.operation import OperationKind, operation_id
from tidegate.model.roles import Action
from tidegate.model.topology import Slot
from tidegate.plan.model import Plan

LEASE_TTL = 30.0  # seconds; the standing guard renews it


@dataclass(frozen=True)
class Request:
    """What somebody asked for. ``request_id``: the same on every retry. ``target``: the release to promote, or the
    baseline to go back to (None: the newest other one)."""

    kind: OperationKind
    request_id: str
    requester: str
    reason: str
    target: str | None = None
    fast_lane: bool = False


def open_operation(world: World, request: Request, plan: Plan, *, actor: str) -> OperationView:
    """The operation that this request means, opened now or before.

    Raises :class:`Forbidden` if the requester is neither the guard nor somebody who may, :class:`Refused` if another
    operation holds the service, or if the request does not fit the journal's facts.
    """
    wanted = operation_id(world.service, request.kind, request.request_id)
    existing = fold_operation(world.journal.events(world.service, operation=wanted))
    if existing is not None:
        return existing
    if request.requester != GUARD:
        permit(world.policy, request.requester, Action.REQUEST)
    split = world.estate.traffic.observe().split
    with world.journal.locked(world.service) as txn:
        view = fold_operation(txn.events(operation=wanted))
        if view is not None:
            return view
        _service_is_free(txn, wanted)
        facts = fold_facts(txn.events(kinds=FACT_KINDS))
        binding = bind(request, facts)
        epoch = txn.raise_epoch()
        body = _body(request, plan, binding, str(split) if split else None)
        txn.append(EventKind.OPERATION_OPENED, body, actor=actor, operation=wanted, epoch=epoch)
        txn.set_lease(Lease(wanted, request.kind, actor, world.clock.now() + LEASE_TTL))
    return require(fold_operation(world.journal.events(world.service, operation=wanted)), wanted)


def _service_is_free(txn: Transaction, wanted: str) -> None:
    lease = txn.head.lease
    if lease is not None and lease.operation != wanted:
        raise Refused(
            f"the service is held by {lease.operation} ({lease.kind.value})",
            next_step=f"wait for it, or look: tidegate status {txn.head.service} --operation {lease.operation}",
        )


def bind(request: Request, facts: ServiceFacts) -> Binding:
    """Roles from facts. Pure. Raises :class:`Refused`."""
    if facts.stable is None or facts.stable_slot is None:
        raise Refused(
            "no baseline has been adopted yet, so there would be nothing to go back to",
            next_step="adopt what runs today: tidegate adopt <service> <version> --by <name> --reason <why>; "
            "somebody else approves it",
        )
    if request.kind is OperationKind.ROLLBACK:
        return _bind_rollback(request, facts, facts.stable_slot)
    if request.target is None:
        raise Refused("a promotion needs the version to promote")
    return Binding(facts.stable_slot, facts.stable, request.target)


def _bind_rollback(request: Request, facts: ServiceFacts, stable_slot: Slot) -> Binding:
    """The release that is left takes the candidate's role; the baseline's slot is the other one."""
    assert facts.stable is not None
    target = facts.baseline(request.target) if request.target else facts.target_before(facts.stable.digest)
    if target is None:
        known = ", ".join(b.release.version for b in facts.baselines) or "none"
        raise Refused(
            f"{request.target or 'an earlier release'} is no certified baseline", next_step=f"baselines: {known}"
        )
    if target.release.digest == facts.stable.digest:
        raise Refused(f"{target.release.version} is the stable release already", next_step="nothing to do")
    return Binding(stable_slot.other, target.release, facts.stable.version, request.fast_lane)


def _body(request: Request, plan: Plan, binding: Binding, split: str | None) -> Mapping[str, Any]:
    return {
        "kind": request.kind.value,
        "request_id": request.request_id,
        "requester": request.requester,
        "reason": request.reason,
        "plan": plan.to_json(),
        "plan_digest": plan.digest,
        "binding": binding.to_json(),
        "split": split,
    }
