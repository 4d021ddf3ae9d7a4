"""Rule 9. A destructive step proves the live role of its target just before it acts.

Today's destructive steps are those on slots; a database's come with part 4.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.estate import Rig, build
from tests.support.operations import advance, open_promotion, small_policy, weights
from tidegate.drivers.token import Token
from tidegate.engine.execute import run_step, step_world
from tidegate.errors import Refused
from tidegate.model.topology import Arm, Slot
from tidegate.model.traffic import canary_split
from tidegate.steps.contract import Known
from tidegate.steps.withdraw_release import VERB as WITHDRAW

EAST_B = Arm("east", Slot.B)


def serve(rig: Rig) -> None:
    """Somebody runs another release in the candidate's slot, and gives it traffic."""
    rig.compute.force(EAST_B, "0.9.0", "sha256:0.9.0", 2)
    rig.traffic.force(canary_split(rig.world.policy.shares, Slot.A, {"east": 1000}), rig.traffic.observe().epoch)


def test_a_slot_that_serves_is_not_replaced(tmp_path: Path) -> None:
    rig = build(tmp_path, small_policy())
    view = advance(rig, open_promotion(rig, "1.1.0"), "wave-1.deploy")
    serve(rig)
    with pytest.raises(Refused, match="not replaced under load"):
        run_step(rig.world, view.id, "wave-1.deploy", actor="test")
    assert rig.effects() == []


def test_a_slot_that_serves_is_not_emptied(tmp_path: Path) -> None:
    rig = build(tmp_path, small_policy())
    view = open_promotion(rig, "1.1.0")
    serve(rig)
    seen = step_world(rig.world, view, Known((), frozenset(), None, {}), Token(0, view.id))
    with pytest.raises(Refused, match="still takes traffic"):
        WITHDRAW.check({"region": "east", "role": "candidate"}, seen)


def test_what_somebody_else_has_changed_is_not_written_over(tmp_path: Path) -> None:
    rig = build(tmp_path, small_policy())
    view = advance(rig, open_promotion(rig, "1.1.0"), "wave-1.shift-25")
    rig.traffic.force(canary_split(rig.world.policy.shares, Slot.A, {"west": 100}), rig.traffic.observe().epoch)
    before = weights(rig)
    with pytest.raises(Refused, match="changed by someone else"):
        run_step(rig.world, view.id, "wave-1.shift-25", actor="test")
    assert weights(rig) == before
