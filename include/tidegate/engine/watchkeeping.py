"""What the standing guard does for an open operation between verdicts: keep the lease, keep the traffic safe."""

from __future__ import annotations

from dataclasses import replace

from tidegate.drivers.flags.contract import Because
from tidegate.drivers.token import Token
from tidegate.engine.ladder import exposing
from tidegate.engine.open import LEASE_TTL
from tidegate.engine.view import STOP_LOSS_NODE, OperationView, fold_operation, require
from tidegate.engine.world import World
from tidegate.journal.model import EventKind
from tidegate.journal.store import Journal
from tidegate.model.flags import settings_from_json, settings_json
from tidegate.model.operation import MOVING, OperationKind, OperationState
from tidegate.model.traffic import Split, canary_split

MISSED = "deadline missed"


def open_operation_of(world: World) -> OperationView | None:
    """The operation that holds the service's lease, if any."""
    return open_view(world.journal, world.service)


def open_view(journal: Journal, service: str) -> OperationView | None:
    """As :func:`open_operation_of`, for what has the journal alone."""
    lease = journal.head(service).lease
    return None if lease is None else fold_operation(journal.events(service, operation=lease.operation))


def renew_lease(world: World) -> None:
    """Push the lease's end out, if it has not run out: an expired one is taken by a person only, never silently."""
    now = world.clock.now()
    with world.journal.locked(world.service) as txn:
        lease = txn.head.lease
        if lease is not None and lease.expires_at > now:
            txn.set_lease(replace(lease, expires_at=now + LEASE_TTL))


def note_deadline(world: World, view: OperationView) -> str:
    """Say once in the journal that an open operation takes longer than its policy allows. Nothing is cut off.

    Returns the words, empty if there was nothing to say.
    """
    seconds = _deadline(world, view)
    if view.state is OperationState.CLOSED or world.clock.now() - view.opened_at <= seconds:
        return ""
    why = f"{view.id} is not at its end after {seconds:g} s, its deadline"
    with world.journal.locked(world.service) as txn:
        if any(e.body.get("what") == MISSED for e in txn.events(operation=view.id, kinds={EventKind.NOTE})):
            return ""
        txn.append(EventKind.NOTE, {"what": MISSED, "why": why}, actor="guard", operation=view.id)
    return why


def _deadline(world: World, view: OperationView) -> float:
    """As bound in the plan: a policy that was changed since changes nothing. Plans of before that was bound have none,
    and take today's."""
    if view.kind in MOVING:
        return float(view.plan.settings["failover"]["deadline"])
    kind = "rollback" if view.kind is OperationKind.ROLLBACK else "promotion"
    bound = view.plan.settings.get("deadline")
    return float(bound[kind] if bound else getattr(world.policy, kind).deadline)


def hold_and_ask(world: World, view: OperationView, *, why: str, actor: str) -> bool:
    """Hold a running operation for a signal that asks people, once: whoever resumes it has answered.

    True if the pause was written now.
    """
    if view.state is not OperationState.RUNNING or view.certified:
        return False
    with world.journal.locked(world.service) as txn:
        rows = txn.events(operation=view.id)
        now = fold_operation(rows)
        asked = any(e.kind is EventKind.HELD and e.body.get("signal") for e in rows)
        if now is None or now.state is not OperationState.RUNNING or now.held is not None or asked:
            return False
        body = {"person": actor, "why": why, "signal": why.partition(":")[0]}
        txn.append(EventKind.HELD, body, actor=actor, operation=view.id)
        return True


def reassert(world: World, operation: str, *, actor: str) -> bool:
    """While an operation stops: if the router gives the candidate more than we left it, or the flags' source shows more
    than we left, take it away again.

    Level-triggered. True if something was written.
    """
    view = require(fold_operation(world.journal.events(world.service, operation=operation)), operation)
    if view.state is not OperationState.STOPPING or not view.verified(STOP_LOSS_NODE) or view.left_split is None:
        return False
    if exposing(view) and _flags_again(world, view, actor):
        return True
    parts = view.binding.shares or view.plan.settings["shares"]
    shares = {region: parts[region] for region in view.plan.settings["region_order"]}
    seen = world.estate.traffic.observe().split
    if seen is None or not view.touched:
        return False
    now, left = _candidate(view, seen), _candidate(view, view.left_split)
    if all(now[region] <= left[region] for region in shares):
        return False  # in whatever order the arms stand
    safe = canary_split(shares, view.binding.stable_slot, {r: min(now[r], left[r]) for r in shares})
    with world.journal.locked(world.service) as txn:
        epoch = txn.raise_epoch()
        body = {"what": "routing asserted again", "seen": str(seen), "wanted": str(safe)}
        txn.append(EventKind.NOTE, body, actor=actor, operation=operation, epoch=epoch)
    world.estate.traffic.apply(safe, Token(epoch, operation))
    return True


def _flags_again(world: World, view: OperationView, actor: str) -> bool:
    """If the source shows customers more than the stop-loss left, take it back again."""
    wanted = settings_from_json(view.node(STOP_LOSS_NODE).facts.get("flags", {}))
    if not wanted or world.estate.flags is None or world.estate.flags.observe().has(wanted):
        return False
    why = "flags asserted again"
    with world.journal.locked(world.service) as txn:
        epoch = txn.raise_epoch()
        body = {"what": why, "wanted": settings_json(wanted)}
        txn.append(EventKind.NOTE, body, actor=actor, operation=view.id, epoch=epoch)
    world.estate.flags.apply(wanted, Token(epoch, view.id), Because(actor, why))
    return True


def _candidate(view: OperationView, split: Split) -> dict[str, int]:
    """Region -> the candidate's part of its traffic, basis points."""
    regions = view.plan.settings["region_order"]
    return {region: int(split.within_region(view.binding.arm(region, "candidate")) * 10_000) for region in regions}
