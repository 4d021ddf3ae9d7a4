"""Rule 11. Overrides name the rule, the person and the reason, and are journalled before the effect.

What can be overridden today: who runs an operation (break-glass), and the capacity limit of the way back (fast lane).
"""

from __future__ import annotations

from pathlib import Path

from tests.support.estate import build
from tests.support.operations import open_promotion, open_rollback, promote, small_policy
from tidegate.engine.runner import drive
from tidegate.engine.takeover import take_over
from tidegate.journal.model import EventKind


def test_taking_over_is_written_before_it_acts(tmp_path: Path) -> None:
    rig = build(tmp_path, small_policy())
    view = open_promotion(rig, "1.1.0")
    take_over(rig.world, view.id, person="ann", reason="Airflow is gone")
    drive(rig.world, view.id, actor="ann")
    (taken,) = rig.world.journal.events("shop", operation=view.id, kinds={EventKind.LEASE_TAKEN})
    assert (taken.actor, taken.body["person"], taken.body["why"]) == ("ann", "ann", "Airflow is gone")
    assert rig.effects()
    assert all(effect.epoch > taken.epoch for effect in rig.effects())


def test_the_fast_lane_is_written_before_it_acts(tmp_path: Path) -> None:
    rig = build(tmp_path, small_policy())
    promote(rig, "1.1.0")
    rig.effects_log().clear()
    view = open_rollback(rig, "1.0.0", fast_lane=True)
    drive(rig.world, view.id, actor="test")
    (opened,) = rig.world.journal.events("shop", operation=view.id, kinds={EventKind.OPERATION_OPENED})
    assert opened.body["binding"]["fast_lane"] is True
    assert (opened.body["requester"], opened.body["reason"]) == ("cat", "a test")
    assert rig.effects()
    assert all(effect.epoch > opened.epoch for effect in rig.effects())
