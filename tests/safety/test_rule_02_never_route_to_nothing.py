"""Rule 2. Never route to nothing: a write that leaves no healthy target, or shares that do not sum to 100, is refused.

The router's own refusals are in ``tests/contracts/test_traffic.py``, on memory and on a real Envoy.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.estate import build
from tests.support.operations import advance, open_promotion, small_policy, weights
from tests.support.policies import changed, complaints
from tidegate.engine.execute import run_step
from tidegate.errors import Refused
from tidegate.model.topology import Arm, Slot
from tidegate.model.traffic import Split

EAST_A, EAST_B = Arm("east", Slot.A), Arm("east", Slot.B)


def test_a_shift_to_a_dead_slot_ends_where_it_began(tmp_path: Path) -> None:
    rig = build(tmp_path, small_policy())
    view = advance(rig, open_promotion(rig, "1.1.0"), "wave-1.shift-25")
    before = weights(rig)
    rig.compute.kill(EAST_B)
    with pytest.raises(Refused, match="no healthy target in east-b"):
        run_step(rig.world, view.id, "wave-1.shift-25", actor="test")
    assert weights(rig) == before


@pytest.mark.parametrize(
    "said",
    [
        ((EAST_A, 9_999),),
        ((EAST_A, 9_999), (EAST_B, 2)),
        ((EAST_A, 10_001), (EAST_B, -1)),
        ((EAST_A, 5_000), (EAST_A, 5_000)),
        (),
    ],
)
def test_weights_sum_to_all_of_the_traffic(said: tuple[tuple[Arm, int], ...]) -> None:
    with pytest.raises(ValueError, match=r"sum to|negative|twice"):
        Split(said)


def test_shares_sum_to_all_of_the_traffic() -> None:
    wrong = complaints(changed(("share: 60%", "share: 61%")))
    assert any("shares sum to 101%, expected 100%" in line for line in wrong), wrong
