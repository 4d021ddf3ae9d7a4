"""What the guard does for an operation that is stopping: keep the traffic safe, and touch nothing else."""

from pathlib import Path

import pytest

from tests.support.estate import build, quick_policy
from tests.support.operations import open_promotion, promote, weights
from tidegate.checks.model import Status
from tidegate.engine.runner import Halt, drive
from tidegate.engine.watchkeeping import MISSED
from tidegate.journal.model import EventKind
from tidegate.model.operation import Outcome
from tidegate.model.topology import Slot
from tidegate.model.traffic import canary_split


def test_somebody_who_gives_the_candidate_traffic_again_is_undone(tmp_path: Path) -> None:
    rig = build(tmp_path)
    rig.users.error_rate["1.2.0"] = {"checkout": 0.3}
    rig.checks.status["orders_have_events"] = Status.VIOLATED
    with pytest.raises(Halt):
        promote(rig, "1.2.0")
    epoch = rig.traffic.observe().epoch
    rig.traffic.force(canary_split(rig.world.policy.shares, Slot.A, {"east": 2500}), epoch)
    rig.clock.sleep(2)
    assert weights(rig) == {"east-a": 5000, "west-a": 5000}
    notes = [e for e in rig.world.journal.events("shop") if e.kind is EventKind.NOTE]
    assert len(notes) == 1, "once, and said so in the journal"


def test_a_refused_promotion_has_no_effect_though_the_arms_stand_in_another_order(tmp_path: Path) -> None:
    """After a promotion the stable slot is b, so the next operation lays the arms out the other way round."""
    rig = build(tmp_path)
    assert promote(rig, "1.1.0").outcome is Outcome.PROMOTED
    rig.effects_log().clear()
    view = open_promotion(rig, "9.9.9")
    ended = drive(rig.world, view.id, actor="test")
    rig.clock.sleep(2)
    assert ended.outcome is Outcome.REFUSED
    assert rig.effects() == []


def test_a_stopping_operation_that_touched_nothing_is_left_alone(tmp_path: Path) -> None:
    from tidegate.engine.turn import turn_back

    rig = build(tmp_path)
    assert promote(rig, "1.1.0").outcome is Outcome.PROMOTED
    rig.effects_log().clear()
    view = open_promotion(rig, "9.9.9")
    turn_back(rig.world, view.id, why="a test", actor="test")
    rig.clock.sleep(5)
    assert rig.effects() == []


def test_a_missed_deadline_is_noted_once_and_stops_nothing(tmp_path: Path) -> None:
    policy = quick_policy()
    late = policy.promotion.model_copy(update={"deadline": 20.0})
    rig = build(tmp_path, policy.model_copy(update={"promotion": late}))
    view = promote(rig, "1.1.0")
    notes = rig.world.journal.events("shop", operation=view.id, kinds={EventKind.NOTE})
    missed = [e.body["why"] for e in notes if e.body["what"] == MISSED]
    assert missed == [f"{view.id} is not at its end after 20 s, its deadline"]
    assert view.outcome is Outcome.PROMOTED
    in_time = build(tmp_path / "in-time", policy)
    view = promote(in_time, "1.1.0")
    notes = in_time.world.journal.events("shop", operation=view.id, kinds={EventKind.NOTE})
    assert [e for e in notes if e.body["what"] == MISSED] == []
