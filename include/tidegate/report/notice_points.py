"""Which points an operation has reached, at which people can be told of it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tidegate.engine.objectives import RTO_MISSED
from tidegate.engine.view import OperationView
from tidegate.engine.watchkeeping import MISSED
from tidegate.journal.model import Event, EventKind
from tidegate.model.notice import Point
from tidegate.model.operation import OperationState
from tidegate.model.recovery import Recovery
from tidegate.plan.model import Node, Phase
from tidegate.report.objectives import rpo_words, rto_words
from tidegate.report.planned import ahead

STALE = 900.0  # seconds after which nobody is told any more that something has begun or is done
STATES = frozenset({Point.NEEDS_APPROVAL, Point.STUCK})  # what is told for as long as it is so
_BACK = frozenset({EventKind.STOP_LOSS, EventKind.TURNED_BACK})


@dataclass(frozen=True)
class Due:
    """``key``: the point of this operation, once and for all: whatever is told is told once under it. ``at``: epoch
    seconds of the row that brought it about, ``by``: whose row that was. ``about``: what happened, in words."""

    point: Point
    key: str
    at: float
    by: str
    about: str


@dataclass(frozen=True)
class Seen:
    """What the rows alone do not tell. ``gave_up``: nodes whose task failed for good, with why. ``stranded``: that
    nobody carries it on, in words; empty if somebody does."""

    gave_up: Mapping[str, str]
    stranded: str = ""


NOTHING_SEEN = Seen({})


def due(view: OperationView, events: Sequence[Event], now: float, seen: Seen = NOTHING_SEEN) -> list[Due]:
    """In the order of their rows. What is long past is told to nobody; what still holds is, however old."""
    found = [*_declared(events), *_asked(view, events, now), *_stages(view, events), *_back(view, events)]
    found += [*_stuck(view, events, seen), *_missed(events), *_finished(events)]
    told = [one for one in found if one.point in STATES or now - one.at <= STALE]
    return sorted(told, key=lambda one: one.at)


def _declared(events: Iterable[Event]) -> Iterator[Due]:
    for e in events:
        if e.kind is EventKind.OPERATION_OPENED:
            yield Due(Point.DECLARED, Point.DECLARED, e.at, e.actor, f"asked for by {e.body['requester']}")


def _asked(view: OperationView, events: Iterable[Event], now: float) -> Iterator[Due]:
    """Questions that wait for an answer now: one that was answered before anybody was told is nobody's news."""
    if view.state is not OperationState.RUNNING:
        return
    for e in events:
        node = str(e.body.get("node", ""))
        answered = view.verified(node) or node in view.refused_by or view.time_is_over(node, now)
        if e.kind is EventKind.APPROVAL_REQUESTED and not answered:
            people = f"{e.body['quorum']} of {', '.join(e.body['people'])}"
            yield Due(
                Point.NEEDS_APPROVAL, f"{Point.NEEDS_APPROVAL}:{node}", e.at, e.actor, f"{node} waits for {people}"
            )


def _stages(view: OperationView, events: Sequence[Event]) -> Iterator[Due]:
    for stage in view.plan.stages:
        states = [view.node(node.id) for node in stage.nodes]
        if not all(one.status == "verified" for one in states) or all(one.nothing_to_do for one in states):
            continue
        at = max(one.at or 0.0 for one in states)
        names = {node.id for node in stage.nodes}
        by = next((e.actor for e in reversed(events) if e.body.get("node") in names), "")
        yield Due(Point.STAGE_DONE, f"{Point.STAGE_DONE}:{stage.id}", at, by, f"{stage.title} ({stage.id}) is done")


def _back(view: OperationView, events: Iterable[Event]) -> Iterator[Due]:
    first = next((e for e in events if e.kind in _BACK), None)
    if first is not None:
        about = f"{first.body.get('person') or first.actor}: {first.body['why']}"
        yield Due(Point.TURNED_BACK, Point.TURNED_BACK, first.at, first.actor, about)


def _stuck(view: OperationView, events: Sequence[Event], seen: Seen) -> Iterator[Due]:
    if view.state is OperationState.CLOSED:
        return
    if view.held is not None:
        held = next((e for e in reversed(events) if e.kind is EventKind.HELD), events[-1])
        about = f"paused by {view.held.person}: {view.held.why}"
        yield Due(Point.STUCK, f"{Point.STUCK}:paused:{held.seq}", held.at, held.actor, about)
        return
    stands = ahead(view)
    at, by = events[-1].at, events[-1].actor
    here = stands[0].id if stands else "its outcome"
    gave_up = next((node.id for node in stands if node.id in seen.gave_up and stays(view, node)), None)
    if gave_up is not None:
        why = view.failures.get(gave_up) or seen.gave_up[gave_up]
        yield Due(Point.STUCK, f"{Point.STUCK}:{gave_up}", at, by, f"{gave_up} failed: {why}")
    elif seen.stranded:
        yield Due(Point.STUCK, f"{Point.STUCK}:{here}", at, by, seen.stranded)


def stays(view: OperationView, node: Node) -> bool:
    """Whether the operation stands still where this node has failed for good. It does not while its way back begins by
    itself, nor where somebody's no ends it."""
    if node.id in view.refused_by:
        return False
    back = any(stage.phase is Phase.RETURN for stage in view.plan.stages)
    return view.state is not OperationState.RUNNING or view.committed or not back


def _missed(events: Iterable[Event]) -> Iterator[Due]:
    """Each objective once, by whoever noticed first: the alert while it runs, or the measurement at its end."""
    for e in events:
        what = e.body.get("what")
        if e.kind is EventKind.NOTE and what in (RTO_MISSED, MISSED):
            name = "rto" if what == RTO_MISSED else "deadline"
            yield Due(Point.MISSED_OBJECTIVE, f"{Point.MISSED_OBJECTIVE}:{name}", e.at, e.actor, str(e.body["why"]))
        elif e.kind is EventKind.OBJECTIVES_MEASURED:
            yield from _measured(e)


def _measured(row: Event) -> Iterator[Due]:
    found = Recovery.from_json(row.body)
    for name, met, words in (("rto", found.rto_met, rto_words(found)), ("rpo", found.rpo_met, rpo_words(found))):
        if met is False:
            key = f"{Point.MISSED_OBJECTIVE}:{name}"
            yield Due(Point.MISSED_OBJECTIVE, key, row.at, row.actor, words)


def _finished(events: Iterable[Event]) -> Iterator[Due]:
    for e in events:
        if e.kind is EventKind.OPERATION_CLOSED:
            about = f"{e.body['outcome'].replace('_', ' ')}: {e.body.get('why', '')}"
            yield Due(Point.FINISHED, Point.FINISHED, e.at, e.actor, about)
