"""An exhaustive checker for models of guarded commands, written as Spin reads them: see ``failover.pml``.

It needs no package, so that ``make test`` always checks the model; Spin checks the same file (``make model``). All
states are visited, breadth first, so that the way to an error is a shortest one. Besides broken asserts it finds
cycles: where every mishap can happen a bounded number of times, whatever can go on for ever never ends.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.model.promela import Model, Reader, Violated


@dataclass(frozen=True)
class Error:
    """``what``: the broken assert, or ``a cycle``. ``way``: the commands from the start, as process and line."""

    what: str
    way: tuple[str, ...]


@dataclass(frozen=True)
class Result:
    states: int
    steps: int
    error: Error | None


def check(path: Path, switches: Mapping[str, int] | None = None) -> Result:
    """Visit every state. ``switches``: macros that get another value. Raises :class:`NotRead`."""
    return _explore(Reader(path.read_text(), switches or {}).model())


def _explore(model: Model) -> Result:
    numbers, states = {model.start: 0}, [model.start]
    came: list[tuple[int, str]] = [(-1, "")]  # by number: from where, and by which command
    after: list[list[int]] = []
    usual, last = [c for c in model.commands if not c.last], [c for c in model.commands if c.last]
    steps = 0
    while len(after) < len(states):
        at = len(after)
        state = states[at]
        after.append(follow := [])
        for command in [c for c in usual if c.may(state)] or [c for c in last if c.may(state)]:
            steps += 1
            try:
                then = command.do(state)
            except Violated as broken:
                return Result(len(states), steps, Error(str(broken), (*_way(came, at), command.name)))
            number = numbers.setdefault(then, len(states))
            if number == len(states):
                states.append(then)
                came.append((at, command.name))
            follow.append(number)
    looping = _in_cycle(after)
    error = None if looping is None else Error("a cycle: it may go on for ever", _way(came, looping))
    return Result(len(states), steps, error)


def _way(came: Sequence[tuple[int, str]], number: int) -> tuple[str, ...]:
    names: list[str] = []
    while number:
        number, name = came[number]
        names.append(name)
    return tuple(reversed(names))


def _in_cycle(after: Sequence[list[int]]) -> int | None:
    """A state on a cycle, None if there is none: take away what nothing leads to, then what leads nowhere."""
    into, back = [0] * len(after), [[] for _ in after]
    for at, follow in enumerate(after):
        for number in follow:
            into[number] += 1
            back[number].append(at)
    left = _without_ends(after, into, set(range(len(after))))
    left = _without_ends(back, [sum(n in left for n in follow) for follow in after], left) if left else left
    return min(left, default=None)


def _without_ends(follow: Sequence[list[int]], count: list[int], left: set[int]) -> set[int]:
    free = [number for number in left if count[number] == 0]
    while free:
        number = free.pop()
        left.discard(number)
        for then in follow[number]:
            count[then] -= 1
            if count[then] == 0 and then in left:
                free.append(then)
    return left
