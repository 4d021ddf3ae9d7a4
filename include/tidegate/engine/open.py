"""Begin an operation: bind its plan to what is observed, take the lease, write it down. The same request is the same
operation, however often it is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tidegate.engine import automatic, precedence, requires
from tidegate.engine.bind_moving import Seen, bind_moving, look, may_promote, placed
from tidegate.engine.bind_restore import bind_restore
from tidegate.engine.brakes import FORWARD, Obstacle, overridden
from tidegate.engine.facts import FACT_KINDS, ServiceFacts, fold_facts
from tidegate.engine.lost_writes import keeps_a_ledger, ledger_of, refuse_open
from tidegate.engine.mixing import derived, refuse_unfit
from tidegate.engine.obstacles import in_the_way, note_override
from tidegate.engine.open_request import Request
from tidegate.engine.permission import GUARD, permit
from tidegate.engine.residency import refuse_outside
from tidegate.engine.tracing import begun
from tidegate.engine.view import OperationView, fold_operation, require
from tidegate.engine.world import World
from tidegate.errors import GivesWay, Refused
from tidegate.journal.model import EventKind, Lease
from tidegate.journal.store import Transaction
from tidegate.model.binding import Binding
from tidegate.model.operation import MOVING, OperationKind, operation_id
from tidegate.model.release import Release
from tidegate.model.roles import Action
from tidegate.model.topology import Slot
from tidegate.plan.model import Plan
from tidegate.policy.quantities import duration_text

__all__ = ["LEASE_TTL", "Request", "bind", "open_operation"]

LEASE_TTL = 30.0  # seconds; the standing guard renews it


def open_operation(world: World, request: Request, plan: Plan, *, actor: str) -> OperationView:
    """The operation that this request means, opened now or before.

    Raises :class:`Forbidden` if the requester is neither the guard nor somebody who may, :class:`Refused` if another
    operation holds the service and does not give way, a brake is on, or the request does not fit the journal's facts;
    :class:`GivesWay` while a lower operation is on its way back to make room: ask again once it is closed.
    """
    wanted = operation_id(world.service, request.kind, request.request_id)
    existing = fold_operation(world.journal.events(world.service, operation=wanted))
    if existing is not None:
        return existing
    if request.requester != GUARD:
        permit(world.policy, request.requester, Action.REQUEST)
    request = replace(request, mix=derived(world, request.kind, request.target))
    if waits := _open(world, request, plan, wanted, look(world, request), actor):
        raise waits
    return require(fold_operation(world.journal.events(world.service, operation=wanted)), wanted)


def _open(world: World, request: Request, plan: Plan, wanted: str, seen: Seen, actor: str) -> GivesWay | None:
    """One transaction. What is returned is raised once that is written: the lower operation has been turned in it."""
    with world.journal.locked(world.service) as txn:
        if fold_operation(txn.events(operation=wanted)) is not None:
            return None
        asks = request.kind is OperationKind.FAILOVER and plan.settings["failover"]["then"] != "act"
        automatic.refuse_second(txn, request.kind, request.requester, world.clock.now(), asks=asks)
        facts = fold_facts(txn.events(kinds=FACT_KINDS))
        set_aside = _brakes_off(world, txn, request, facts)
        admissible(request, facts)
        precedence.not_overtaken(txn, request, wanted, world.clock.now())
        requires.refuse_unmet(world, txn, request, facts)
        moving = _moved(world, txn, request, facts, seen)
        holder = txn.head.lease
        if waits := precedence.make_way(txn, request, wanted, actor):
            return waits
        binding = moving or precedence.settled(txn, request, wanted, facts) or bind(request, facts)
        if moving is None and (shares := placed(world.policy, facts)):
            binding = replace(binding, shares=shares)
        if binding.only and holder is not None:
            binding = replace(binding, superseded=holder.operation)
        if request.fast_track:
            binding = _fast_tracked(world, request, facts, binding)
        epoch = txn.raise_epoch()
        trace = begun(txn.head.hash, wanted)
        row = opening_row(request, plan, binding, str(seen.split) if seen.split else None, trace)
        body = {**row, **requires.noted(world, request)}
        txn.append(EventKind.OPERATION_OPENED, body, actor=actor, operation=wanted, epoch=epoch)
        txn.set_lease(Lease(wanted, request.kind, actor, world.clock.now() + LEASE_TTL))
        for obstacle in set_aside:
            note_override(txn, wanted, obstacle, request.exempt, request.requester, request.reason, actor)
    return None


def _brakes_off(world: World, txn: Transaction, request: Request, facts: ServiceFacts) -> tuple[Obstacle, ...]:
    """The brakes that the exemption sets aside; none is asked where the way back is wanted. Raises :class:`Refused`."""
    if request.kind not in FORWARD:
        return ()
    return overridden(in_the_way(world, txn, request.kind), request.exempt, facts, request.target or "")


def _moved(world: World, txn: Transaction, request: Request, facts: ServiceFacts, seen: Seen) -> Binding | None:
    """The binding of a kind that moves the service or its data, None for others. Before anything gives way to it."""
    if request.kind in (OperationKind.PROMOTION, OperationKind.SWITCHOVER, OperationKind.FAILOVER):
        refuse_outside(world)
    if request.kind is OperationKind.PROMOTION:
        may_promote(world.policy, facts)
    if request.kind is OperationKind.RESTORE:
        return bind_restore(txn, request, facts, admissible(request, facts), seen.states)
    if request.kind not in MOVING:
        return None
    if request.kind is OperationKind.SWITCHOVER and keeps_a_ledger(world.policy):
        refuse_open(ledger_of(txn.events), world.service, "a switchover")
    return bind_moving(world.policy, request, facts, admissible(request, facts), seen)


def _fast_tracked(world: World, request: Request, facts: ServiceFacts, binding: Binding) -> Binding:
    """Raises :class:`Refused` if the release is no baseline, or one of too long ago."""
    within = world.policy.promotion.fast_track_within
    found = facts.baseline(request.target or "")
    slowly = "promote it without the fast track"
    if within is None:
        raise Refused("the policy has no promotion.fast_track_within, so nothing is fast-tracked", next_step=slowly)
    if found is None:
        raise Refused(f"{request.target} was never certified: only a baseline is fast-tracked", next_step=slowly)
    if found.release.digest in facts.vetoed:
        raise Refused(f"baseline {request.target} is vetoed", next_step="promote another release")
    age = world.clock.now() - found.at
    if age > within:
        words = f"certified {duration_text(round(age))} ago, and the fast track takes {duration_text(within)} at most"
        raise Refused(f"{request.target} was {words}", next_step=slowly)
    return replace(binding, fast_track=found.release.digest)


def bind(request: Request, facts: ServiceFacts) -> Binding:
    """Roles from facts. Pure. Raises :class:`Refused`."""
    stable, slot = admissible(request, facts)
    if request.kind is OperationKind.ROLLBACK:
        return _bind_rollback(request, facts, stable, slot)
    if request.kind is OperationKind.CONTRACT:
        return Binding(slot, stable, stable.version)
    assert request.target is not None  # or it were not admissible
    return Binding(slot, stable, request.target)


def admissible(request: Request, facts: ServiceFacts) -> tuple[Release, Slot]:
    """What can be said of a request before anything gives way to it. Returns the stable release and its slot.

    Raises :class:`Refused`: no baseline is there, the target is none, or it is vetoed.
    """
    if facts.stable is None or facts.stable_slot is None:
        raise Refused(
            "no baseline has been adopted yet, so there would be nothing to go back to",
            next_step="adopt what runs today: tidegate adopt <service> <version> --by <name> --reason <why>; "
            "somebody else approves it",
        )
    if request.kind is OperationKind.ROLLBACK and request.target:
        _target(request.target, request.mix, facts)
    if request.kind is OperationKind.PROMOTION and request.target is None:
        raise Refused("a promotion needs the version to promote")
    return facts.stable, facts.stable_slot


def _target(version: str, mix: Release | None, facts: ServiceFacts) -> Release:
    """A certified baseline that is not vetoed, or a mix of such. Raises :class:`Refused`, naming those that are."""
    if mix is not None:
        refuse_unfit(mix, facts)
        return mix
    target = facts.baseline(version)
    fit = ", ".join(b.release.version for b in facts.baselines if b.release.digest not in facts.vetoed) or "none"
    if target is None:
        raise Refused(f"{version} is no certified baseline", next_step=f"baselines: {fit}")
    if target.release.digest in facts.vetoed:
        raise Refused(f"baseline {version} is vetoed", next_step=f"baselines: {fit}")
    refuse_closed(target.release, facts)
    return target.release


def _bind_rollback(request: Request, facts: ServiceFacts, stable: Release, slot: Slot) -> Binding:
    """The release that is left takes the candidate's role; the baseline's slot is the other one."""
    target = _target(request.target, request.mix, facts) if request.target else _before(stable, facts)
    refuse_closed(target, facts)
    if target.digest == stable.digest:
        raise Refused(f"{target.version} is the stable release already", next_step="nothing to do")
    return Binding(slot.other, target, stable.version, request.fast_lane)


def _before(stable: Release, facts: ServiceFacts) -> Release:
    """Where a rollback goes that names nothing. Raises :class:`Refused`."""
    target = facts.target_before(stable.digest)
    if target is None:
        raise Refused("there is no earlier baseline to go back to", next_step="tidegate catalog <service>")
    return target.release


def refuse_closed(target: Release, facts: ServiceFacts) -> None:
    """Raises :class:`Refused` for a baseline from before a contract that was completed."""
    if contract := facts.closed.get(target.digest):
        version, revision = contract["release"]["version"], contract["revision"]
        still = [b.release.version for b in facts.baselines if b.release.digest not in facts.closed]
        others = [one for one in still if facts.stable is None or one != facts.stable.version]
        raise Refused(
            f"{target.version} cannot be gone back to: the schema contract {revision} of {version} was completed, and "
            f"{target.version} needs what it took away",
            next_step="roll forward: mend the release and promote it"
            + (f"; or go back to {', '.join(others)}" if others else "")
            + "; or restore a backup beside this database",
        )


def opening_row(
    request: Request, plan: Plan, binding: Binding, split: str | None, trace: Mapping[str, Any]
) -> Mapping[str, Any]:
    """The body of the row that opens an operation. ``trace``: :func:`~tidegate.engine.tracing.begun`."""
    return {
        "kind": request.kind.value,
        "request_id": request.request_id,
        "requester": request.requester,
        "reason": request.reason,
        "plan": plan.to_json(),
        "plan_digest": plan.digest,
        "binding": binding.to_json(),
        "split": split,
        **trace,
        **({"exemption": request.exempt.value} if request.exempt else {}),
    }
