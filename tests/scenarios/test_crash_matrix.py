"""Kill the runner after every journal write and after every effect, resume: same end, no effect twice.

And freeze it instead: let a second runner finish, then thaw the first: it is refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.estate import Rig, build
from tests.support.operations import open_promotion, open_rollback, promote, small_policy, weights
from tidegate.engine.facts import FACT_KINDS, fold_facts
from tidegate.engine.runner import drive
from tidegate.engine.takeover import take_over
from tidegate.engine.view import OperationView
from tidegate.errors import LeaseLost, Refused
from tidegate.journal.model import EventKind
from tidegate.model.operation import Outcome


class Killed(BaseException):
    """The runner's process is gone: nothing of ours catches this."""


class Fuse:
    """Burns after so many calls; counts them all."""

    def __init__(self) -> None:
        self.left: int | None = None
        self.count = 0

    def __call__(self, _: Any) -> None:
        self.count += 1
        if self.left is not None:
            self.left -= 1
            if self.left == 0:
                self.left = None
                raise Killed


Start = Callable[[Rig], OperationView]


def good(rig: Rig) -> OperationView:
    return open_promotion(rig, "1.1.0")


def bad(rig: Rig) -> OperationView:
    rig.users.error_rate["1.2.0"] = {"checkout": 1.0, "browse": 1.0}
    return open_promotion(rig, "1.2.0")


def back(rig: Rig) -> OperationView:
    return open_rollback(rig, "1.0.0")


CASES = {"good promotion": good, "bad promotion": bad, "rollback": back}


def prepared(tmp_path: Path, case: str, fuse: Fuse) -> tuple[Rig, OperationView]:
    rig = build(tmp_path, small_policy(), after_commit=fuse)
    rig.users.rate = 40.0
    if case == "rollback":
        assert promote(rig, "1.1.0").outcome is Outcome.PROMOTED
        rig.effects_log().clear()
    view = CASES[case](rig)
    rig.traffic.world.after_effect = fuse
    fuse.count = 0
    return rig, view


def end_state(rig: Rig) -> dict[str, Any]:
    facts = fold_facts(rig.world.journal.events("shop", kinds=FACT_KINDS))
    assert facts.stable is not None
    slots = {
        arm.name: (state.version, len(state.instances))
        for arm, state in ((a, rig.compute.observe(a)) for a in rig.arms())
        if state.instances
    }
    return {
        "weights": weights(rig),
        "stable": (facts.stable.version, facts.stable_slot),
        "slots": slots,
        "lease": rig.world.journal.head("shop").lease,
    }


def made(rig: Rig) -> Counter[tuple[str, ...]]:
    """What was really done, without epochs."""
    return Counter((e.family, e.verb, e.target, str(sorted(e.detail.items()))) for e in rig.effects_log())


def run_to_the_end(rig: Rig, view: OperationView, actor: str) -> OperationView:
    return drive(rig.world, view.id, actor=actor)


def places(tmp_path: Path, case: str, *, effects: bool = True) -> tuple[int, dict[str, Any], Counter[tuple[str, ...]]]:
    """An undisturbed run: how many times the fuse was passed, and what came of it."""
    fuse = Fuse()
    rig, view = prepared(tmp_path / "undisturbed", case, fuse)
    if not effects:
        rig.traffic.world.after_effect = lambda _: None
    run_to_the_end(rig, view, "one")
    return fuse.count, end_state(rig), made(rig)


@pytest.mark.parametrize("case", CASES)
def test_killed_anywhere_and_resumed(tmp_path: Path, case: str) -> None:
    count, wanted, once = places(tmp_path, case)
    assert count > 30, f"a matrix of {count} places is no matrix"
    for place in range(1, count + 1):
        fuse = Fuse()
        rig, view = prepared(tmp_path / str(place), case, fuse)
        fuse.left = place
        with pytest.raises(Killed):
            run_to_the_end(rig, view, "one")
        rig.replace_guard()
        rig.clock.moving = False
        ended = run_to_the_end(rig, view, "two")
        assert ended.outcome is not None, f"killed at {place}"
        assert end_state(rig) == wanted, f"killed at {place}"
        twice = {what: n for what, n in made(rig).items() if n > once[what] > 0}
        assert not twice, f"killed at {place}: done twice {twice}"
        assert not rig.world.journal.verify("shop"), f"killed at {place}: the chain does not verify"


@pytest.mark.parametrize("case", CASES)
def test_frozen_anywhere_and_thawed_is_refused(tmp_path: Path, case: str) -> None:
    """The hook of the frozen runner lets a second one finish, then returns: the first goes on where it stood.

    Frozen after journal writes only: inside an effect a runner holds its driver's own lock, and the second waits.
    """
    count, wanted, once = places(tmp_path, case, effects=False)
    for place in range(1, count + 1):
        fuse = Fuse()
        rig, view = prepared(tmp_path / str(place), case, fuse)
        thaw = _Freeze(rig, view, place)
        rig.world.journal._after_commit = thaw
        rig.traffic.world.after_effect = lambda _: None
        try:
            ended = run_to_the_end(rig, view, "one")
            assert ended.outcome is not None
        except (LeaseLost, Refused):
            pass  # superseded, or the operation is closed: the end state below says whether it kept its hands off
        assert thaw.finished, f"frozen at {place}: the second runner never ran"
        assert end_state(rig) == wanted, f"frozen at {place}"
        twice = {what: n for what, n in made(rig).items() if n > once[what] > 0}
        assert not twice, f"frozen at {place}: done twice {twice}"
        events = rig.world.journal.events("shop", operation=view.id)
        closed = next(i for i, e in enumerate(events) if e.kind is EventKind.OPERATION_CLOSED)
        assert events[closed + 1 :] == [], f"frozen at {place}: rows after the end"


class _Freeze:
    def __init__(self, rig: Rig, view: OperationView, place: int) -> None:
        self.rig, self.view, self.left, self.finished = rig, view, place, False
        self.busy = False

    def __call__(self, _: Any) -> None:
        if self.busy:
            return
        self.left -= 1
        if self.left != 0:
            return
        self.busy = True
        moving, self.rig.clock.moving = self.rig.clock.moving, False
        guard = self.rig.watch
        self.rig.replace_guard()
        ended = OperationIsOver(self.rig, self.view)
        if not ended():
            take_over(self.rig.world, self.view.id, person="ann", reason="the worker hangs", actor="two")
            drive(self.rig.world, self.view.id, actor="two")
        self.rig.watch, self.rig.clock.moving = guard, moving
        self.finished = True


class OperationIsOver:
    def __init__(self, rig: Rig, view: OperationView) -> None:
        self.rig, self.view = rig, view

    def __call__(self) -> bool:
        events = self.rig.world.journal.events("shop", operation=self.view.id)
        return any(e.kind is EventKind.OPERATION_CLOSED for e in events)
