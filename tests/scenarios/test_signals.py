"""Signals beyond the comparison of errors: what the service as a whole says to an operation in flight."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.estate import Rig, build, quick_policy
from tests.support.operations import advance, now, open_promotion, promote
from tidegate.engine.control import resume
from tidegate.errors import Paused
from tidegate.journal.model import EventKind
from tidegate.model.operation import Outcome
from tidegate.policy.schema import Signals

BOTH = {"checkout": 0.3, "browse": 0.3}


def shared_fault(rig: Rig, since: str = "1.1.0") -> None:
    """Once the candidate takes traffic, both releases fail: a lock that it holds, say."""

    def tick(seconds: float) -> None:
        split = rig.traffic.observe().split
        if split is not None and any(weight and arm.slot.value == "b" for arm, weight in split.weights):
            rig.users.error_rate.update({"1.0.0": dict(BOTH), since: dict(BOTH)})
        else:
            rig.users.error_rate.clear()

    rig.clock.ticks.insert(0, tick)


def signals(then: str) -> Signals:
    return Signals.model_validate({"service": {"then": then}})


def test_what_both_arms_share_turns_the_operation_back_and_nothing_is_said_to_be_proved(tmp_path: Path) -> None:
    rig = build(tmp_path, quick_policy(signals=signals("back")))
    shared_fault(rig)
    view = promote(rig, "1.1.0")
    assert view.outcome is Outcome.ROLLED_BACK
    assert view.why_back.startswith("service: ")
    assert "NOT PROVED" in view.why_back
    (stop,) = rig.world.journal.events("shop", operation=view.id, kinds={EventKind.STOP_LOSS})
    assert [c["signal"] for c in stop.body["evidence"]["crossed"]] == ["service"]


def test_or_it_stands_still_and_asks_once(tmp_path: Path) -> None:
    rig = build(tmp_path, quick_policy(signals=signals("hold")))
    shared_fault(rig)
    opened = open_promotion(rig, "1.1.0")
    with pytest.raises(Paused):
        advance(rig, opened, "wave-2.deploy")
    view = now(rig, opened)
    assert view.held is not None
    assert (view.held.person, view.state.value) == ("guard", "running")
    assert "NOT PROVED" in view.held.why
    resume(rig.world, view.id, person="cat", reason="a batch job, it is over", actor="test")
    rig.clock.sleep(5)
    view = now(rig, opened)
    assert view.held is None, "who resumes it has answered"
    assert rig.world.journal.events("shop", operation=view.id, kinds={EventKind.STOP_LOSS}) == []
