"""Rule 8. Only a certified baseline is a rollback target, and at least three are kept."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from tests.support.estate import Rig, build
from tests.support.operations import advance, now, open_promotion, open_rollback, promote, roll_back, small_policy
from tidegate.drivers.token import Token
from tidegate.engine.execute import run_step, step_world
from tidegate.engine.facts import FACT_KINDS, fold_facts
from tidegate.engine.turn import declare_stop_loss, turn_back
from tidegate.errors import Refused
from tidegate.model.operation import OperationState, Outcome
from tidegate.model.topology import Arm, Slot
from tidegate.model.traffic import canary_split
from tidegate.steps.contract import Known, Look, Standing, StepWorld
from tidegate.steps.verify_target import VERB as VERIFY_TARGET

LOOKED = Look(Standing.NOT_DONE, "")


def facts(rig: Rig):
    return fold_facts(rig.world.journal.events("shop", kinds=FACT_KINDS))


def target_of_a_rollback(tmp_path: Path) -> StepWorld:
    """What the step sees that admits 1.0.0 as the target."""
    rig = build(tmp_path, small_policy())
    promote(rig, "1.1.0")
    view = open_rollback(rig, "1.0.0")
    known = Known(tuple(b.release for b in facts(rig).baselines), frozenset(), None, {})
    return step_world(rig.world, view, known, Token(0, view.id))


def test_what_was_never_certified_is_no_target(tmp_path: Path) -> None:
    seen = target_of_a_rollback(tmp_path)
    VERIFY_TARGET.verify({}, seen, LOOKED)
    without = tuple(b for b in seen.known.baselines if b.version != "1.0.0")
    seen = dataclasses.replace(seen, known=dataclasses.replace(seen.known, baselines=without))
    with pytest.raises(Refused, match="is no certified baseline"):
        VERIFY_TARGET.verify({}, seen, LOOKED)


def test_a_vetoed_baseline_is_no_target(tmp_path: Path) -> None:
    seen = target_of_a_rollback(tmp_path)
    known = dataclasses.replace(seen.known, vetoed=frozenset({seen.binding.stable.digest}))
    with pytest.raises(Refused, match="is vetoed"):
        VERIFY_TARGET.verify({}, dataclasses.replace(seen, known=known), LOOKED)


def test_a_request_for_another_release_opens_nothing(tmp_path: Path) -> None:
    rig = build(tmp_path, small_policy())
    with pytest.raises(Refused, match=r"1\.3\.0 is no certified baseline"):
        open_rollback(rig, "1.3.0")
    assert rig.world.journal.head("shop").lease is None


def test_without_a_baseline_to_go_back_to_nothing_begins(tmp_path: Path) -> None:
    rig = build(tmp_path, small_policy(), adopted=False)
    with pytest.raises(Refused, match="no baseline has been adopted yet"):
        open_promotion(rig, "1.1.0")


def test_a_certified_release_is_not_turned_back(tmp_path: Path) -> None:
    """From there on, once nothing more is to be shown to users, a rollback is an operation of its own."""
    rig = build(tmp_path, small_policy())
    view = advance(rig, open_promotion(rig, "1.1.0"), "settle.flags")
    with pytest.raises(Refused, match="the release is certified"):
        turn_back(rig.world, view.id, why="a test", actor="test")
    assert not declare_stop_loss(rig.world, view.id, why="a test", evidence={}, actor="guard")
    assert now(rig, view).state is OperationState.RUNNING


def test_what_does_not_serve_everywhere_is_not_certified(tmp_path: Path) -> None:
    rig = build(tmp_path, small_policy())
    view = advance(rig, open_promotion(rig, "1.1.0"), "certify.baseline")
    full, epoch = rig.traffic.observe().split, rig.traffic.observe().epoch
    assert full is not None
    rig.traffic.force(canary_split(rig.world.policy.shares, Slot.A, {"east": 10_000, "west": 9_000}), epoch)
    with pytest.raises(Refused, match=r"not all traffic is on 1\.1\.0"):
        run_step(rig.world, view.id, "certify.baseline", actor="test")
    rig.traffic.force(full, epoch)
    rig.compute.kill(Arm("west", Slot.B), 1)
    with pytest.raises(Refused, match=r"west-b does not run 1\.1\.0"):
        run_step(rig.world, view.id, "certify.baseline", actor="test")
    assert [b.release.version for b in facts(rig).baselines] == ["1.0.0"]


def test_the_oldest_of_four_baselines_can_be_gone_back_to(tmp_path: Path) -> None:
    rig = build(tmp_path, small_policy())
    for version in ("1.1.0", "1.2.0", "1.3.0"):
        assert promote(rig, version).outcome is Outcome.PROMOTED
    assert [b.release.version for b in facts(rig).baselines] == ["1.0.0", "1.1.0", "1.2.0", "1.3.0"]
    assert roll_back(rig, "1.0.0").outcome is Outcome.ROLLED_BACK
    assert facts(rig).stable.version == "1.0.0"
