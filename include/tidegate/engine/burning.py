"""What follows when the error budget burns: who is told, whether a fresh release is taken back.

All of it stands in the journal, so that every guard, a replaced one and every page say the same. Nothing here starts a
failover: users who fail say that something is wrong, never that another region would do better
(docs/explanation/watch.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tidegate.engine.view import OperationView
from tidegate.engine.world import World
from tidegate.journal.model import Event, EventKind
from tidegate.journal.store import Journal
from tidegate.judge.burn import Burning, rules_for
from tidegate.model.operation import MOVING, OperationKind, OperationState, Outcome

BURNS, OVER = "the error budget burns", "the error budget burns no longer"
PAGE, ASK, BACK, REGIONS = "page", "ask", "back", "regions"
BEAT = "error budget"  # name among the journal's beats
TTL = 10.0  # seconds for which a look counts
_RANK = {rule.name: number for number, rule in enumerate(rules_for(1.0))}  # 0: the most urgent
_ANSWERS = {OperationKind.ROLLBACK, OperationKind.RESTORE} | MOVING
_ANSWERED = {Outcome.ROLLED_BACK.value, Outcome.FAILED_OVER.value, Outcome.SWITCHED_OVER.value, Outcome.RESTORED.value}
_OPENED, _CLOSED = EventKind.OPERATION_OPENED, EventKind.OPERATION_CLOSED


@dataclass(frozen=True)
class Episode:
    """The budget burns, or has, by ``rule``, of all requests or of one class (``scope``). ``then``: what follows;
    ``because``: why that is not what the policy says, or what it is left to. ``urgent``: somebody is woken.
    ``answered``: an operation that goes back or moves the service was opened since."""

    id: str
    rule: str
    scope: str
    why: str
    then: str
    because: str
    urgent: bool
    at: float
    answered: bool

    def covers(self, rule: str, then: str) -> bool:
        """Whether that is no news: the rule is as urgent, or less. What was left to the rule for regions, and is not
        explained by it any more, is news."""
        more = self.then == REGIONS and then != REGIONS
        return not more and _RANK.get(self.rule, 0) <= _RANK.get(rule, 0)


def what_then(then: str, *, region: str, release: str, found_by_watch: bool, away: str, held: str) -> tuple[str, str]:
    """``then``: as the policy says. ``region``: the one whose loss, seen by a quorum of probes, explains it.
    ``release``: the one that was certified of late, and with which it began. ``found_by_watch``: the watch over it has
    said so before. ``away``: regions that do not answer. ``held``: why the guard may not act by itself. Pure."""
    if region:
        return REGIONS, f"{region} is lost, and that is answered by the rule for regions"
    if then != BACK:
        return then, ""
    if not release:
        return PAGE, "no release was certified of late with which it began, so to go back would help nobody"
    if away:
        return PAGE, f"{away} does not answer, so {release} is not held to account for it"
    if held:
        return PAGE, held
    return BACK, f"the watch over {release} has found it as well" if found_by_watch else f"it began with {release}"


def answering(view: OperationView | None) -> bool:
    """Whether an operation is under way that goes back or moves the service: then nothing is said meanwhile."""
    return view is not None and (view.kind in _ANSWERS or view.state is OperationState.STOPPING)


def answered_at(journal: Journal, service: str) -> float:
    """When an operation that goes back or moves the service last ended, or a class was sent elsewhere; 0.0 if never.
    What users met before it says nothing of how they fare now."""
    rows = journal.events(service, kinds={_CLOSED, EventKind.DETOUR_SET})
    return max(
        (r.at for r in rows if r.kind is EventKind.DETOUR_SET or r.body.get("outcome") in _ANSWERED), default=0.0
    )


def declare(world: World, found: Burning, then: str, because: str, actor: str) -> Episode:
    """Say it once in the journal, and again only where a more urgent rule burns. ``then``: of :func:`what_then`."""
    with world.journal.locked(world.service) as txn:
        known = _last([*txn.events(kinds={EventKind.NOTE}), *txn.events(kinds={_OPENED})])
        if known is not None and known.covers(found.rule.name, then):
            return known
        body = {
            "what": BURNS,
            "id": f"burn-{world.service}-{txn.head.seq + 1}",
            "rule": found.rule.name,
            "objective": found.objective,
            "scope": found.scope,
            "why": found.words,
            "urgent": found.rule.urgent,
            "then": then,
            "because": because,
        }
        return _episode(txn.append(EventKind.NOTE, body, actor=actor), [])


def over(world: World, told: Episode, why: str, actor: str) -> None:
    """Say once that it burns no longer."""
    with world.journal.locked(world.service) as txn:
        now = _last(txn.events(kinds={EventKind.NOTE}))
        if now is not None and now.id == told.id:
            txn.append(EventKind.NOTE, {"what": OVER, "id": told.id, "why": why}, actor=actor)


def episode(journal: Journal, service: str) -> Episode | None:
    """The burn that is not over, None if there is none."""
    return _last(journal.events(service, kinds={EventKind.NOTE, _OPENED}))


def unanswered(journal: Journal, service: str) -> tuple[bool, str]:
    """Whether somebody has to look at once, and what at, with the next command; empty words where nobody has to."""
    told = episode(journal, service)
    if told is None or told.answered or told.then not in (PAGE, ASK):
        return False, ""
    return told.then == PAGE, needed(service, told)


def needed(service: str, told: Episode) -> str:
    """What somebody has to do, in words. Pure."""
    held = f" ({told.because})" if told.because else ""
    return (
        f"{told.why}. Nothing was changed{held}. Look: tidegate status {service}. If the last release did it: tidegate "
        f"rollback {service} --reason <why> --wait; is Airflow gone as well: tidegate rollback {service} "
        "--without-airflow --by <name> --reason <why>"
    )


def publish(journal: Journal, service: str, words: str) -> None:
    """Leave how the budget burns for pages, for a few seconds."""
    journal.beat(service, BEAT, ttl=TTL, body={"words": words})


def last_seen(journal: Journal, service: str, now: float) -> str:
    """How the budget burns just now, in words; empty where no guard holds it."""
    beat = journal.beats(service).get(BEAT)
    return str(beat.body["words"]) if beat is not None and beat.expires_at >= now else ""


def _last(rows: Iterable[Event]) -> Episode | None:
    """The newest burn among the rows, if it is not over."""
    kept = sorted(rows, key=lambda row: row.seq)
    burning = [row for row in kept if row.kind is EventKind.NOTE and row.body.get("what") == BURNS]
    if not burning:
        return None
    later = [row for row in kept if row.seq > burning[-1].seq]
    over_now = any(row.body.get("what") == OVER and row.body.get("id") == burning[-1].body["id"] for row in later)
    return None if over_now else _episode(burning[-1], later)


def _episode(row: Event, later: Iterable[Event]) -> Episode:
    body: Mapping[str, Any] = row.body
    kinds = {kind.value for kind in _ANSWERS}
    return Episode(
        id=str(body["id"]),
        rule=str(body["rule"]),
        scope=str(body["scope"]),
        why=str(body["why"]),
        then=str(body["then"]),
        because=str(body["because"]),
        urgent=bool(body["urgent"]),
        at=row.at,
        answered=any(r.kind is _OPENED and r.body["kind"] in kinds for r in later),
    )
