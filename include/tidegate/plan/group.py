"""Services that move together: in which order, who is held by whom, and what a person may decide. Pure.

On the way out what is needed moves first, so that nobody arrives where what it needs is not; on the way back it moves
last. Both keep one thing true in every state: whoever is not at the source has all that it needs at the target. So a
half-done way back is a half-done way out, and from each of them one can go on as well as go back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple

from tidegate.errors import Refused
from tidegate.model.order import reach


class Where(StrEnum):
    """Where a member is between the region that the group leaves and the one that it goes to."""

    SOURCE = "source"
    LEAVING = "leaving"
    TARGET = "target"
    RETURNING = "returning"


class Heading(StrEnum):
    """``THERE``: towards the target. ``BACK``: a person has turned the group back to the source."""

    THERE = "there"
    BACK = "back"


class WhenOneFails(StrEnum):
    """``HOLD``: nobody else begins until a person has decided. ``GO_ON``: only what stands behind the failed one is
    held."""

    HOLD = "hold"
    GO_ON = "go_on"


class Stands(StrEnum):
    """How a member stands, in one word. ``HELD``: it would be next, but for what has failed."""

    SETTLED = "settled"
    LEFT_OUT = "left_out"
    NEXT = "next"
    WAITS = "waits"
    HELD = "held"
    MOVING = "moving"
    STUCK = "stuck"
    FAILED = "failed"


UNDER_WAY = frozenset({Where.LEAVING, Where.RETURNING})
_WANTED = {Heading.THERE: Where.TARGET, Heading.BACK: Where.SOURCE}
_BEGUN = {Heading.THERE: Where.LEAVING, Heading.BACK: Where.RETURNING}
_ENDS = {
    (Where.LEAVING, True): Where.TARGET,
    (Where.LEAVING, False): Where.SOURCE,
    (Where.RETURNING, True): Where.SOURCE,
    (Where.RETURNING, False): Where.TARGET,
}


class Member(NamedTuple):
    """``failed``: its last move did not come about; while it is under way: it stands still and a person is needed."""

    where: Where = Where.SOURCE
    failed: bool = False


class State(NamedTuple):
    """``members``: as the shape names them. ``without``: failed members that a person has left out of this heading."""

    members: tuple[Member, ...]
    heading: Heading = Heading.THERE
    without: frozenset[str] = frozenset()


class Standing(NamedTuple):
    """``because``: the members that it waits for, or that hold it."""

    word: Stands
    because: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Shape:
    """What does not change while a group moves. ``needs``: member -> those it needs, directly. ``reverse``: on the way
    there, whoever needs others moves before them. ``way_back``: whether there is one."""

    needs: Mapping[str, tuple[str, ...]]
    when_one_fails: WhenOneFails = WhenOneFails.HOLD
    reverse: bool = False
    way_back: bool = True

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(self.needs)

    @cached_property
    def _needed(self) -> dict[str, frozenset[str]]:
        return {name: reach(self.needs, name) for name in self.needs}

    @cached_property
    def _needing(self) -> dict[str, frozenset[str]]:
        return {name: frozenset(n for n in self.needs if name in self._needed[n]) for name in self.needs}

    def before(self, name: str, heading: Heading) -> frozenset[str]:
        """Who has to be there before this one begins."""
        forwards = (heading is Heading.THERE) is not self.reverse
        return (self._needed if forwards else self._needing)[name]

    def begins(self, where: Iterable[Where] = ()) -> State:
        """The first state. ``where``: of each member, all at the source if left out."""
        return State(tuple(Member(one) for one in where) or tuple(Member() for _ in self.names))


def standing(shape: Shape, state: State, name: str) -> Standing:
    """How a member stands, and because of whom."""
    member = state.members[shape.names.index(name)]
    if name in state.without:
        return Standing(Stands.LEFT_OUT)
    if member.where in UNDER_WAY:
        return Standing(Stands.STUCK if member.failed else Stands.MOVING)
    if member.where is _WANTED[state.heading]:
        return Standing(Stands.SETTLED)
    if member.failed:
        return Standing(Stands.FAILED)
    earlier = shape.before(name, state.heading)
    if held := tuple(_held_by(shape, state, earlier)):
        return Standing(Stands.HELD, held)
    waits = tuple(n for n in shape.names if n in earlier and not _there(shape, state, n))
    return Standing(Stands.WAITS, waits) if waits else Standing(Stands.NEXT)


def _held_by(shape: Shape, state: State, earlier: frozenset[str]) -> Iterator[str]:
    for name, member in zip(shape.names, state.members, strict=True):
        counts = shape.when_one_fails is WhenOneFails.HOLD or name in earlier
        if member.failed and counts and name not in state.without:
            yield name


def _there(shape: Shape, state: State, name: str) -> bool:
    there = state.members[shape.names.index(name)].where is _WANTED[state.heading]
    return there or name in state.without


def _of(shape: Shape, state: State) -> dict[str, Member]:
    return dict(zip(shape.names, state.members, strict=True))


def free(shape: Shape, state: State) -> tuple[str, ...]:
    """Who may begin now."""
    return tuple(n for n in shape.names if standing(shape, state, n).word is Stands.NEXT)


def over(shape: Shape, state: State) -> bool:
    """Everybody is where the group is going, or was left out."""
    return all(_there(shape, state, name) for name in shape.names)


def begin(shape: Shape, state: State, name: str) -> State:
    """Its move begins. Raises :class:`Refused`, naming who holds it, where it is not its turn."""
    now = standing(shape, state, name)
    if now.word is not Stands.NEXT:
        whom = f" for {', '.join(now.because)}" if now.word is Stands.WAITS else ""
        whom = f" by {', '.join(now.because)}" if now.word is Stands.HELD else whom
        raise Refused(f"it is not the turn of {name}: {now.word.value.replace('_', ' ')}{whom}")
    return _with(shape, state, name, Member(_BEGUN[state.heading]))


def ended(shape: Shape, state: State, name: str, *, good: bool) -> State:
    """Its operation is closed. One that did not come about is a failure only if it was still wanted."""
    member = _of(shape, state)[name]
    if member.where not in UNDER_WAY:
        raise Refused(f"{name} is not under way")
    where = _ENDS[member.where, good]
    return _with(shape, state, name, Member(where, not good and where is not _WANTED[state.heading]))


def stuck(shape: Shape, state: State, name: str) -> State:
    """Its operation stands still in the middle, and a person is needed."""
    member = _of(shape, state)[name]
    if member.where not in UNDER_WAY:
        raise Refused(f"{name} is not under way")
    return _with(shape, state, name, Member(member.where, True))


def decide(shape: Shape, state: State, heading: Heading, without: Iterable[str] = ()) -> State:
    """A person has decided. What failed is tried again, but for those ``without`` whom it goes on: they have to have
    failed. Always possible: the same said twice is the same. Raises :class:`Refused` where there is no way back, or
    for somebody who has not failed."""
    left_out, members = frozenset(without), _of(shape, state)
    if heading is Heading.BACK and not shape.way_back:
        raise Refused("there is no way back from this", next_step="go on, with or without those that failed")
    for name in sorted(left_out):
        if name not in members or not members[name].failed:
            failed = ", ".join(n for n, m in members.items() if m.failed) or "none has"
            raise Refused(f"{name} has not failed, so it is not left out", next_step=f"failed: {failed}")
    tried = (Member(m.where, m.failed and n in left_out) for n, m in members.items())
    return State(tuple(tried), heading, left_out)


def _with(shape: Shape, state: State, name: str, member: Member) -> State:
    changed = {**_of(shape, state), name: member}
    return state._replace(members=tuple(changed.values()))
