"""The fast track: what was certified lately comes back without the canary steps, on the same plan."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from tests.support.estate import Rig, build
from tests.support.operations import promote, roll_back, small_policy
from tidegate.drivers.artifacts.memory import store_of
from tidegate.engine import braking
from tidegate.engine.open import Request, open_operation
from tidegate.engine.runner import drive
from tidegate.engine.view import OperationView
from tidegate.errors import Refused
from tidegate.model.operation import OperationKind, Outcome
from tidegate.plan.promotion import promotion_plan
from tidegate.policy.schema import Approval

WEEK = 7 * 86400.0


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    """1.1.0 was promoted and rolled back: it is a baseline, and 1.0.0 runs."""
    made = build(tmp_path, small_policy(fast_track_within=WEEK))
    promote(made, "1.1.0")
    roll_back(made, "1.0.0")
    made.effects_log().clear()
    return made


def ask(rig: Rig, version: str = "1.1.0") -> OperationView:
    request = Request(
        OperationKind.PROMOTION, f"fast {version}", "cat", "the fix was elsewhere", version, fast_track=True
    )
    plan = promotion_plan(rig.world.policy, rig.world.policy_digest)
    return open_operation(rig.world, request, plan, actor="test")


def test_it_comes_back_at_full_weight_region_by_region(rig: Rig) -> None:
    view = ask(rig)
    ended = drive(rig.world, view.id, actor="test")
    assert ended.outcome is Outcome.PROMOTED
    passed = [n.id for _, n in view.plan.nodes() if ": fast track" in ended.node(n.id).detail]
    assert passed == ["wave-1.shift-25", "wave-1.gate-25"]
    assert "fast track: 1.1.0" in ended.node("wave-1.shift-25").detail
    assert view.plan_digest == promotion_plan(rig.world.policy, rig.world.policy_digest).digest, "the same plan"


def test_people_are_asked_all_the_same(tmp_path: Path) -> None:
    asked = Approval.model_validate({"before": "25%", "from": ["ann", "ben"], "quorum": 1, "within": "5s"})
    rig = build(tmp_path, small_policy(fast_track_within=WEEK))
    promote(rig, "1.1.0")
    roll_back(rig, "1.0.0")
    promotion = rig.world.policy.promotion.model_copy(update={"approvals": (asked,)})
    policy = rig.world.policy.model_copy(update={"promotion": promotion})
    world = dataclasses.replace(rig.world, policy=policy)
    view = ask(dataclasses.replace(rig, world=world))
    ended = drive(world, view.id, actor="test")
    assert ended.outcome is Outcome.ROLLED_BACK, "nobody answered"
    assert "wave-1.approve-25" in ended.why_back


def test_what_was_never_certified_goes_step_by_step(rig: Rig) -> None:
    with pytest.raises(Refused, match=r"1\.2\.0 was never certified"):
        ask(rig, "1.2.0")


def test_a_baseline_of_long_ago_goes_step_by_step(rig: Rig) -> None:
    rig.clock.at += 8 * 86400
    with pytest.raises(Refused, match="the fast track takes 7d at most"):
        ask(rig)


def test_a_vetoed_baseline_does_not_come_back(rig: Rig) -> None:
    braking.veto(rig.world, rig.releases["1.1.0"].digest, "1.1.0", person="ann", reason="a hole", actor="test")
    with pytest.raises(Refused, match="is vetoed"):
        ask(rig)


def test_without_the_key_nothing_is_fast_tracked(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"no promotion\.fast_track_within"):
        ask(build(tmp_path, small_policy()))


def test_files_that_changed_since_are_refused(rig: Rig) -> None:
    view = ask(rig)
    store_of(rig.world.estate.site).publish("1.1.0", 2, {"shop/version.txt": b"another"})
    assert drive(rig.world, view.id, actor="test").outcome is Outcome.REFUSED
    assert rig.effects() == []
