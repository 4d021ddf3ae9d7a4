"""The fast lane: speed goes before a target's declared limit, never before a target that is there."""

from __future__ import annotations

from pathlib import Path

from tests.support.estate import build
from tests.support.operations import advance, open_rollback, promote, small_policy, weights
from tidegate.engine.execute import run_step
from tidegate.engine.gates import look_at_gate
from tidegate.model.topology import Arm, Slot
from tidegate.model.verdict import Verdict

GATE = "return.capacity-50"


def test_it_waits_for_the_first_target_of_a_slot_that_has_to_start(tmp_path: Path) -> None:
    rig = build(tmp_path, small_policy())
    promote(rig, "1.1.0")
    stable = [Arm(region, Slot.A) for region in ("east", "west")]
    for arm in stable:
        rig.compute.kill(arm)
    rig.compute.looks_until_healthy = 3
    view = advance(rig, open_rollback(rig, "1.0.0", fast_lane=True), GATE)
    rig.clock.sleep(1)
    evidence = look_at_gate(rig.world, view.id, GATE, actor="test").evidence
    assert evidence.verdict is Verdict.INCONCLUSIVE
    assert "no healthy stable instance yet in east, west" in evidence.why
    while not all(rig.compute.has_healthy(arm) for arm in stable):
        for arm in stable:
            rig.compute.observe(arm)
    rig.clock.sleep(1)
    evidence = look_at_gate(rig.world, view.id, GATE, actor="test").evidence
    assert (evidence.verdict, evidence.why) == (Verdict.PASS, "fast lane: the limit yields to speed")
    run_step(rig.world, view.id, "return.shift-50", actor="test")
    assert weights(rig)["east-a"] == 2500
