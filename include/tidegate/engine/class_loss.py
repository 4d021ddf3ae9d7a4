"""What follows when one endpoint class fails in one region alone: who is told, whether the guard may move its route.

All of it stands in the journal, so that every guard and every page say the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tidegate.engine import automatic
from tidegate.engine.world import World
from tidegate.journal.model import Event, EventKind
from tidegate.journal.store import Journal
from tidegate.judge.classes import Failing

FAILS = "one endpoint class fails in one region"
PAGE, ACT = "page", "act"
BEAT = "endpoint classes"  # name among the journal's beats
TTL = 5.0  # seconds for which a look counts
SAME_WITHIN = 60.0  # seconds in which the same class in the same region is no news


def declare(world: World, failing: Failing, actor: str) -> tuple[str, str]:
    """Say it once in the journal. Returns what follows, and why that is less than the policy says, if it is."""
    part = world.policy.failover.detour if world.policy.failover else None
    if part is None:
        return PAGE, ""
    now = world.clock.now()
    with world.journal.locked(world.service) as txn:
        rows = txn.events(kinds={EventKind.NOTE})
        held = automatic.held_back(txn.events(kinds=automatic.KINDS), now, detour=failing.endpoint)
        then, because = what_then(part.then, held)
        body = {"what": FAILS, "endpoint": failing.endpoint, "region": failing.region, "then": then}
        if not _said(rows, body, now):
            txn.append(EventKind.NOTE, {**body, "because": because, "why": failing.why}, actor=actor)
    return then, because


def what_then(then: str, held: str) -> tuple[str, str]:
    """``held``: why the guard may not act by itself now, empty if it may. Pure."""
    return (PAGE, held) if then == ACT and held else (then, "")


def what_to_do(service: str, failing: Failing, because: str) -> str:
    """The next command, for people."""
    command = f"tidegate detour {service} {failing.endpoint} --to {failing.elsewhere} --by <name> --reason <why>"
    return f"{because}; {command}" if because else command


def publish(world: World, why: str, do: str) -> None:
    """Leave it for pages, for a few seconds; nothing is left where all is well."""
    if why or BEAT in world.journal.beats(world.service):
        world.journal.beat(world.service, BEAT, ttl=TTL, body={"why": why, "do": do})


def unanswered(journal: Journal, service: str, now: float) -> str:
    """What a guard sees just now, with what to do; empty where nothing needs anybody."""
    beat = journal.beats(service).get(BEAT)
    if beat is None or beat.expires_at < now or not beat.body.get("do"):
        return ""
    return f"{beat.body['why']}: {beat.body['do']}"


def _said(rows: Sequence[Event], body: Mapping[str, str], now: float) -> bool:
    notes = (row for row in rows if row.kind is EventKind.NOTE and now - row.at < SAME_WITHIN)
    return any(body.items() <= row.body.items() for row in notes)
