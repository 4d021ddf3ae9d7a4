"""A policy that is changed while an operation runs changes nothing of it: its plan was bound when it was opened.

What is asked of today's policy on purpose: roles (one more operator at night must not wait for the end of what runs),
and brakes (windows and budget decide whether a promotion begins, and are no part of a plan).
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

from tests.support.estate import Rig, build
from tests.support.operations import advance, open_promotion, small_policy
from tidegate.engine import watchkeeping
from tidegate.engine.runner import drive
from tidegate.engine.world import World
from tidegate.guard.watch import Watch
from tidegate.model.operation import Outcome
from tidegate.plan.promotion import promotion_plan
from tidegate.policy.schema import Bake, StepEvidence


def changed(rig: Rig) -> World:
    """Everything that could tempt: other steps, evidence nobody can give, a bake of days, no patience at all."""
    policy = rig.world.policy
    promotion = policy.promotion.model_copy(
        update={
            "steps": (1000, 10_000),
            "evidence": {1000: StepEvidence(requests=1_000_000), 10_000: StepEvidence(requests=1_000_000)},
            "bake": Bake.model_validate({"lasts": "2d", "requests": 1_000_000}),
            "deadline": 0.001,
            "gate_within": 0.001,
            "alpha": 0.2,
        }
    )
    capacity = policy.capacity.model_copy(update={"instances": 7})
    rollback = policy.rollback.model_copy(update={"deadline": 0.001, "drain_within": 0.001})
    update = {"promotion": promotion, "capacity": capacity, "rollback": rollback}
    return dataclasses.replace(rig.world, policy=policy.model_copy(update=update), policy_digest="sha256:another")


def test_an_operation_ends_as_it_was_bound_whatever_the_policy_says_since(tmp_path: Path) -> None:
    rig = build(tmp_path, small_policy())
    view = advance(rig, open_promotion(rig, "1.1.0"), "wave-1.shift-25")
    later = changed(rig)
    assert promotion_plan(later.policy, later.policy_digest).digest != view.plan_digest
    rig.watch = Watch(later)  # a guard that was started after the change
    ended = drive(later, view.id, actor="test")
    assert (ended.outcome, ended.plan_digest) == (Outcome.PROMOTED, view.plan_digest)
    assert ended.verified("wave-1.shift-25")
    instances = {len(rig.compute.observe(arm).instances) for arm in rig.arms()}
    assert max(instances) == rig.world.policy.capacity.instances


def test_the_deadline_is_the_one_that_was_bound(tmp_path: Path) -> None:
    rig = build(tmp_path, small_policy())
    view = open_promotion(rig, "1.1.0")
    rig.clock.sleep(1)
    assert watchkeeping.note_deadline(changed(rig), view) == ""
    rig.clock.at += rig.world.policy.promotion.deadline
    assert "its deadline" in watchkeeping.note_deadline(rig.world, view)
