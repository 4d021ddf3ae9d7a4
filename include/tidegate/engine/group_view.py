"""One operation of a group as its rows tell it: a fold, to be had again by replay. It knows which operation of which
service stands for each member's move; what became of those stands in their own chains."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tidegate.errors import Refused
from tidegate.journal.model import Event, EventKind
from tidegate.model.operation import OperationKind, dag_id, group_of, operation_id
from tidegate.plan.group import (
    UNDER_WAY,
    Heading,
    Member,
    Shape,
    Standing,
    State,
    WhenOneFails,
    Where,
    begin,
    decide,
    ended,
    over,
    standing,
    stuck,
)

GROUP_KINDS = frozenset(
    {
        EventKind.GROUP_OPENED,
        EventKind.GROUP_MEMBER_BEGUN,
        EventKind.GROUP_MEMBER_ENDED,
        EventKind.GROUP_MEMBER_STUCK,
        EventKind.GROUP_DECIDED,
        EventKind.GROUP_CLOSED,
    }
)
_LEGS = {
    (OperationKind.FAILOVER, Heading.BACK): (OperationKind.REPROTECT, OperationKind.SWITCHOVER),
}  # what a member's move is made of, where it is more than one operation of the group's own kind


@dataclass(frozen=True)
class Part:
    """One operation of a member's move. ``request``: what it is asked for by; the same on every retry, and in Airflow
    the end of its run's id."""

    service: str
    kind: OperationKind
    request: str
    target: str | None

    @property
    def run_id(self) -> str:
        return f"request__{self.request}"

    @property
    def request_id(self) -> str:
        return f"{dag_id(self.kind, self.service)}/{self.run_id}"

    @property
    def operation(self) -> str:
        return operation_id(self.service, self.kind, self.request_id)


@dataclass(frozen=True)
class Leg:
    """One move of one member. ``good`` None: it has not ended. ``why``: how it ended, or why it stands still."""

    number: int
    parts: tuple[Part, ...]
    good: bool | None = None
    why: str = ""


@dataclass(frozen=True)
class Decision:
    """What a person has decided."""

    person: str
    why: str
    heading: Heading
    without: tuple[str, ...]
    at: float


@dataclass(frozen=True)
class GroupView:
    """Everything that carries a group's operation on. ``targets``: what each member goes to: a region, or a release."""

    id: str
    group: str
    kind: OperationKind
    requester: str
    reason: str
    source: str
    target: str
    targets: Mapping[str, str]
    shape: Shape
    state: State
    opened_at: float
    legs: Mapping[str, tuple[Leg, ...]] = field(default_factory=dict)
    decisions: tuple[Decision, ...] = ()
    outcome: str = ""
    last_seq: int = 0

    @property
    def closed(self) -> bool:
        return bool(self.outcome)

    @property
    def over(self) -> bool:
        """Everybody is where the group is going, or was left out; it can be closed."""
        return over(self.shape, self.state)

    @property
    def in_reverse(self) -> bool:
        """Whether whoever needs others moves first as the group is heading now."""
        return self.shape.reverse is (self.state.heading is Heading.THERE)

    def member(self, name: str) -> Member:
        """Raises :class:`Refused` for a stranger."""
        if name not in self.shape.names:
            raise Refused(f"{name} is no member of {self.id}", next_step=f"members: {', '.join(self.shape.names)}")
        return self.state.members[self.shape.names.index(name)]

    def standing(self, name: str) -> Standing:
        return standing(self.shape, self.state, name)

    def leg(self, name: str) -> Leg | None:
        """The member's last move, None if it never began one."""
        return (self.legs.get(name) or (None,))[-1]

    def under_way(self, name: str) -> bool:
        return self.member(name).where in UNDER_WAY

    def next_leg(self, name: str) -> Leg:
        """The move that the member would begin now. The same however often it is asked."""
        number = len(self.legs.get(name, ())) + 1
        base = f"{self.id}.{name}" + (f".{number}" if number > 1 else "")
        kinds = _LEGS.get((self.kind, self.state.heading), (self.kind,))
        there = self.targets.get(name) if self.state.heading is Heading.THERE else self.source
        parts = [
            Part(name, kind, base if kind is kinds[-1] else f"{base}.{kind.value}", _aim(kind, there)) for kind in kinds
        ]
        return Leg(number, tuple(parts))


def _aim(kind: OperationKind, there: str | None) -> str | None:
    return None if kind is OperationKind.REPROTECT else there


def fold_group(events: Iterable[Event]) -> GroupView | None:
    """Replay one operation's rows; None without an opening row."""
    view: GroupView | None = None
    for event in events:
        if event.kind is EventKind.GROUP_OPENED:
            view = _opened(event)
        elif view is not None:
            view = replace(_apply(view, event), last_seq=event.seq)
    return view


def _opened(event: Event) -> GroupView:
    body = event.body
    needs = {name: tuple(needed) for name, needed in body["needs"].items()}
    shape = Shape(
        _in_order(needs, body["members"]), WhenOneFails(body["when_one_fails"]), body["reverse"], body["back"]
    )
    return GroupView(
        id=str(event.operation),
        group=group_of(event.service),
        kind=OperationKind(body["kind"]),
        requester=body["requester"],
        reason=body["reason"],
        source=body["source"],
        target=body["target"],
        targets=body["targets"],
        shape=shape,
        state=shape.begins(Where(body["where"][name]) for name in shape.names),
        opened_at=event.at,
        last_seq=event.seq,
    )


def _in_order(needs: Mapping[str, tuple[str, ...]], names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """As the group's file has its members: canonical JSON sorts keys."""
    return {name: needs[name] for name in names}


def _apply(view: GroupView, event: Event) -> GroupView:
    body, name = event.body, str(event.body.get("member", ""))
    if event.kind is EventKind.GROUP_MEMBER_BEGUN:
        leg, state = view.next_leg(name), begin(view.shape, view.state, name)
        return replace(view, state=state, legs={**view.legs, name: (*view.legs.get(name, ()), leg)})
    if event.kind is EventKind.GROUP_MEMBER_ENDED:
        state = ended(view.shape, view.state, name, good=body["good"])
        return replace(view, state=state, legs=_with_last(view, name, good=body["good"], why=body["why"]))
    if event.kind is EventKind.GROUP_MEMBER_STUCK:
        state = stuck(view.shape, view.state, name)
        return replace(view, state=state, legs=_with_last(view, name, good=None, why=body["why"]))
    if event.kind is EventKind.GROUP_DECIDED:
        heading, without = Heading(body["heading"]), tuple(body["without"])
        made = Decision(body["person"], body["why"], heading, without, event.at)
        state = decide(view.shape, view.state, heading, without)
        return replace(view, state=state, decisions=(*view.decisions, made))
    return replace(view, outcome=body["outcome"]) if event.kind is EventKind.GROUP_CLOSED else view


def _with_last(view: GroupView, name: str, **changes: Any) -> dict[str, tuple[Leg, ...]]:
    *earlier, last = view.legs[name]
    return {**view.legs, name: (*earlier, replace(last, **changes))}
