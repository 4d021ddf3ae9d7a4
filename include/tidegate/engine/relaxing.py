"""Whom the primary waits for has gone: under the policy's ``relax`` writes go on without it.

The journal's record that the standby has everything is withdrawn first (and with it the right to fail over without
signatures); only then is the primary told. Somebody who takes over in between finds a primary that still waits, and a
record that says less than is so: never the other way round.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from tidegate.drivers.database.contract import DatabaseState
from tidegate.drivers.token import Token
from tidegate.engine.facts import FACT_KINDS, fold_facts
from tidegate.engine.world import World
from tidegate.journal.model import Event, EventKind
from tidegate.journal.store import Journal
from tidegate.model.operation import MOVING
from tidegate.model.placement import Placement
from tidegate.plan.moving import can_move, synchronous

RELAXED, WITHDRAWN = "writes wait for nobody", "withdrawn"
RELAX = "relax"
GONE_FOR = 1.0  # seconds for which nobody confirms: a standby that is started again takes less


@dataclass(frozen=True)
class Wait:
    """``standby``: the region that was waited for. ``begun``: the record is withdrawn, and the primary not told yet."""

    placement: Placement
    standby: str
    begun: bool


def may_relax(world: World) -> bool:
    """Whether the policy lets writes go on without the standby."""
    return can_move(world.policy) and synchronous(world.policy) == RELAX


def waiting(world: World) -> Wait | None:
    """Whom the primary waits for, by the journal. None if it waits for nobody."""
    events = world.journal.events(world.service, kinds=FACT_KINDS | {EventKind.NOTE})
    placement = fold_facts(events).placement
    if placement is None:
        return None
    if placement.synced:  # on record anew: whatever was begun before is over
        return Wait(placement, placement.synced, False)
    withdrawn = _last(events, WITHDRAWN)
    if withdrawn is not None and _last(events, RELAXED, withdrawn.seq) is None:
        return Wait(placement, str(withdrawn.body["region"]), True)
    return None


def nobody_confirms(wait: Wait, states: dict[str, DatabaseState]) -> bool:
    """Whether the primary answers, and the standby that it is to wait for confirms nothing. A primary that does not
    answer is another matter. Pure."""
    primary, standby = states.get(wait.placement.primary), states.get(wait.standby)
    return primary is not None and primary.role == "primary" and (standby is None or not standby.synchronous)


def relax(world: World, wait: Wait, *, actor: str) -> str:
    """Withdraw the record, then let writes go on. Twice is once. Returns what was done, empty if an operation moves the
    service: it sees to it. Raises as the database's ``synchronise``, with the record withdrawn already."""
    why = f"{wait.standby} confirms no write any more"
    with world.journal.locked(world.service) as txn:
        lease = txn.head.lease
        if lease is not None and lease.kind in MOVING:
            return ""
        if not wait.begun:
            placement = replace(wait.placement, synced="")
            txn.append(EventKind.PLACEMENT_RECORDED, placement.to_json(), actor=actor)
            txn.append(EventKind.NOTE, {"what": WITHDRAWN, "region": wait.standby, "why": why}, actor=actor)
        token = Token(txn.head.epoch, wait.placement.operation)
    world.estate.database.synchronise(None, token)
    words = (
        f"writes in {wait.placement.primary} wait for nobody: {why}. A failover may lose writes from now on. "
        f"Once {wait.standby} follows again: tidegate reprotect {world.service}"
    )
    with world.journal.locked(world.service) as txn:
        txn.append(EventKind.NOTE, {"what": RELAXED, "region": wait.standby, "why": words}, actor=actor)
    return words


def unprotected(journal: Journal, service: str) -> str:
    """What somebody has to do since writes wait for nobody; empty if they do wait, or never did."""
    rows = journal.events(service, kinds={EventKind.NOTE, EventKind.PLACEMENT_RECORDED})
    told = _last(rows, RELAXED)
    later = [e for e in rows if told is not None and e.kind is EventKind.PLACEMENT_RECORDED and e.seq > told.seq]
    return "" if told is None or later else str(told.body["why"])


def _last(events: list[Event], what: str, since: int = 0) -> Event | None:
    found = [e for e in events if e.kind is EventKind.NOTE and e.body.get("what") == what and e.seq > since]
    return found[-1] if found else None
