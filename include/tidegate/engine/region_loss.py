"""What follows when a region counts as lost: for how long, who is told, whether the guard may act.

All of it stands in the journal, so that every guard, a replaced one and every page say the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tidegate.engine import automatic
from tidegate.engine.bind_moving import home_of
from tidegate.engine.facts import FACT_KINDS, fold_facts
from tidegate.engine.open import Request, open_operation
from tidegate.engine.partial import DATABASE, dark
from tidegate.engine.permission import GUARD
from tidegate.engine.section import run_section
from tidegate.engine.view import OperationView
from tidegate.engine.world import World
from tidegate.errors import Refused
from tidegate.journal.model import Event, EventKind
from tidegate.journal.store import Journal
from tidegate.judge.regions import COMPUTE, Loss, Rule
from tidegate.model.operation import OperationKind, operation_id
from tidegate.model.placement import Placement
from tidegate.plan.failover import failover_plan
from tidegate.plan.moving import section_of
from tidegate.plan.names import MEASURE_NODE
from tidegate.policy.schema import Policy

LOST, BACK, UNANSWERED = "region lost", "region is back", "nobody answers the loss"
PAGE, APPROVE, ACT = "page", "approve", "act"
VOID_AFTER = 120.0  # seconds: older news starts nothing
ANSWER_WITHIN = 30.0  # seconds for a failover to be opened before somebody is paged


@dataclass(frozen=True)
class Episode:
    """One loss. ``id``: the same for every guard. ``then``: what follows, and ``because`` where that is not what the
    policy says. ``answered``: a failover was opened since. ``operation``: the one that it is, or would be."""

    id: str
    region: str
    what: str
    why: str
    observed_at: float
    at: float
    then: str
    because: str
    paged: bool
    answered: bool
    operation: str

    def covers(self, loss: Loss) -> bool:
        """Whether that is no news: the same region, and no more than was said of it. Compute alone is less than a
        database. Once only its database was moved out of it, that the rest is lost too is news."""
        if self.region != loss.region:
            return False
        more = self.what == DATABASE and self.answered and loss.what != DATABASE
        return not more and (self.what != COMPUTE or loss.what == COMPUTE)


def rule_of(policy: Policy) -> Rule:
    """As the policy has it today. Only of use where the service can move."""
    decide = section_of(policy).decide
    return Rule(decide.every, decide.probes, decide.vantage_points)


def where(world: World) -> tuple[str, Placement | None]:
    """The region that writes went to last, and the placement on record."""
    placement = fold_facts(world.journal.events(world.service, kinds=FACT_KINDS)).placement
    return (placement.primary if placement else home_of(world.policy)), placement


def worth_saying(loss: Loss, placement: Placement | None) -> bool:
    """Whether it is news: that a region is dark after a failover out of it is known. One that only its database was
    moved out of has users still. Pure."""
    if loss.primary or placement is None or placement.protected:
        return True
    return loss.what != DATABASE and bool(placement.shares.get(loss.region))


def what_then(then: str, loss: Loss, held: str) -> tuple[str, str]:
    """``then``: as the policy says. ``held``: why the guard may not act by itself now, empty if it may. Returns what
    follows, and why it is less than that, if it is. Pure."""
    if not loss.primary:
        return PAGE, f"writes do not go to {loss.region}, so a failover would not help"
    if loss.what == COMPUTE:
        return PAGE, f"the database in {loss.region} is well, so only traffic has to leave it"
    return (PAGE, held) if then == ACT and held else (then, "")


def declare(world: World, loss: Loss, actor: str) -> Episode | None:
    """Say once in the journal that it is lost. None if an operation moves the service already."""
    with world.journal.locked(world.service) as txn:
        lease = txn.head.lease
        if lease is not None and lease.kind in (OperationKind.FAILOVER, OperationKind.SWITCHOVER):
            return None
        rows = [*txn.events(kinds={EventKind.NOTE}), *txn.events(kinds={EventKind.OPERATION_OPENED})]
        said = _last(rows, world.service)
        if said is not None and said.covers(loss):
            return said
        held = automatic.held_back(rows, world.clock.now())
        then, because = what_then(section_of(world.policy).decide.then, loss, held)
        alarm = f"loss-{world.service}-{txn.head.seq + 1}"
        body = {
            "what": LOST,
            "id": alarm,
            "region": loss.region,
            "lost": loss.what,
            "why": loss.why,
            "seen_by": list(loss.seen_by),
            "observed_at": loss.observed_at,
            "then": then,
            "because": because,
        }
        operation = operation_id(world.service, OperationKind.FAILOVER, alarm)
        row = txn.append(EventKind.NOTE, body, actor=actor, operation=operation)
        return _episode(row, [])


def episode(journal: Journal, service: str) -> Episode | None:
    """The loss that is not over, None if there is none."""
    return _last(journal.events(service, kinds={EventKind.NOTE, EventKind.OPERATION_OPENED}), service)


def unanswered(journal: Journal, service: str) -> str:
    """What somebody has to do about the loss that is not over; empty if nobody has been paged."""
    told = episode(journal, service)
    if told is None or told.answered or not told.paged:
        return ""
    notes = journal.events(service, operation=told.operation, kinds={EventKind.NOTE})
    return str(next(row.body["why"] for row in notes if row.body.get("what") == UNANSWERED))


def over(world: World, told: Episode, actor: str) -> None:
    """Say once that the region is well again, if nobody has moved the service away from it."""
    with world.journal.locked(world.service) as txn:
        kinds = {EventKind.NOTE, EventKind.OPERATION_OPENED}
        now = _last(txn.events(kinds=kinds), world.service)
        if now is not None and now.id == told.id and not now.answered:
            body = {"what": BACK, "id": told.id, "why": f"{told.region} is seen well again, and nothing was moved"}
            txn.append(EventKind.NOTE, body, actor=actor, operation=told.operation)


def page(world: World, told: Episode, actor: str) -> str:
    """Say once in the journal that a person is needed; the words with the exact command, empty if it was said."""
    words = needed(world.policy, told)
    with world.journal.locked(world.service) as txn:
        notes = txn.events(operation=told.operation, kinds={EventKind.NOTE})
        if any(row.body.get("what") == UNANSWERED for row in notes):
            return ""
        body = {"what": UNANSWERED, "id": told.id, "why": words}
        txn.append(EventKind.NOTE, body, actor=actor, operation=told.operation)
    return words


def needed(policy: Policy, told: Episode) -> str:
    """What somebody has to do now, in words. Pure."""
    service = policy.service
    begin = f"{told.why}. Nothing was changed{f' ({told.because})' if told.because else ''}."
    if told.then == PAGE and told.because and automatic.PERSON not in told.because:
        return f"{begin} Look: tidegate status {service}"
    alone = "the database in " if told.what == DATABASE else ""
    reason = f'{f"--only {DATABASE} " if alone else ""}--reason "{alone}{told.region} is lost"'
    return (
        f"{begin} Fail over: tidegate failover {service} {reason} --wait; is Airflow gone as well: "
        f"tidegate failover {service} --without-airflow --by <name> {reason}"
    )


def carry_out(world: World, told: Episode, actor: str) -> OperationView:
    """The guard's own act: open the failover and run its critical section, as far as nobody has to be asked. Whoever
    comes behind carries on with the same operation, found by the same id; again, it does nothing twice.

    Raises :class:`Refused` if the news is void, and as opening an operation and running a step do.
    """
    age = world.clock.now() - told.observed_at
    if age > VOID_AFTER and not told.answered:
        raise Refused(f"{told.id} is {age:.0f} s old, and void after {VOID_AFTER:.0f} s")
    plan = failover_plan(world.policy, world.policy_digest)
    request = Request(OperationKind.FAILOVER, told.id, GUARD, told.why, only=answer_to(world, told))
    view = open_operation(world, request, plan, actor=actor)
    run_section(world, view.id, MEASURE_NODE, actor=actor)
    return view


def answer_to(world: World, told: Episode) -> str:
    """What a failover has to move: ``database`` where nothing else of the region is lost, empty for everything. The
    points' votes are not enough for that: of a region that dies, one part is seen before the others. So its compute is
    looked at once more, now; users are never left in a region that does not answer."""
    return DATABASE if told.what == DATABASE and told.region not in dark(world.estate) else ""


def answer_to_alarm(world: World, alarm: str) -> str:
    """As :func:`answer_to`, of the loss with that id; empty if it is not the one that is not over."""
    told = episode(world.journal, world.service)
    return answer_to(world, told) if told is not None and told.id == alarm else ""


def _last(rows: Sequence[Event], service: str) -> Episode | None:
    """The newest loss among the rows, if the region is not back and the service was not moved since."""
    lost = [row for row in rows if row.kind is EventKind.NOTE and row.body.get("what") == LOST]
    if not lost:
        return None
    row = max(lost, key=lambda r: r.seq)
    later = [r for r in rows if r.seq > row.seq]
    if any(r.body.get("what") == BACK and r.body.get("id") == row.body["id"] for r in later):
        return None
    found = _episode(row, later)
    moved = [
        r for r in later if r.kind is EventKind.OPERATION_OPENED and r.body["kind"] == OperationKind.FAILOVER.value
    ]
    return None if any(r.operation != found.operation for r in moved) else found


def _episode(row: Event, later: Sequence[Event]) -> Episode:
    body = row.body
    return Episode(
        id=str(body["id"]),
        region=str(body["region"]),
        what=str(body["lost"]),
        why=str(body["why"]),
        observed_at=float(body["observed_at"]),
        at=row.at,
        then=str(body["then"]),
        because=str(body["because"]),
        paged=any(r.operation == row.operation and r.body.get("what") == UNANSWERED for r in later),
        answered=any(r.operation == row.operation and r.kind is EventKind.OPERATION_OPENED for r in later),
        operation=str(row.operation),
    )
