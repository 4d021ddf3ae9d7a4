"""Rule 5. Blind means hold. No data is never a pass. A declared failover goes on when blind: in smaller steps,
journalled, with a page to someone.

What the judge takes for no data is in ``tests/unit/judge/test_gate.py``; a failover comes with part 4.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.estate import build
from tests.support.operations import advance, now, open_promotion, small_policy, weights
from tidegate.engine.execute import run_step
from tidegate.engine.gates import look_at_gate
from tidegate.errors import NotYet, Unreachable
from tidegate.model.topology import Arm, Slot
from tidegate.model.verdict import Verdict


def test_no_weight_grows_without_a_live_guard(tmp_path: Path) -> None:
    rig = build(tmp_path, small_policy())
    view = advance(rig, open_promotion(rig, "1.1.0"), "wave-1.shift-25")
    before = weights(rig)
    rig.guard_alive = False
    rig.clock.sleep(4)
    with pytest.raises(NotYet, match="no guard is alive"):
        run_step(rig.world, view.id, "wave-1.shift-25", actor="test")
    assert weights(rig) == before


def test_a_guard_that_is_gone_opens_no_gate(tmp_path: Path) -> None:
    rig = build(tmp_path, small_policy())
    view = advance(rig, open_promotion(rig, "1.1.0"), "admit.guard")
    rig.guard_alive = False
    rig.clock.sleep(4)
    assert look_at_gate(rig.world, view.id, "admit.guard", actor="test").evidence.verdict is Verdict.NO_DATA
    assert not now(rig, view).verified("admit.guard")


def test_old_evidence_opens_no_gate(tmp_path: Path) -> None:
    """All that the gate asks for has been seen; then the guard dies, and what it left grows old."""
    rig = build(tmp_path, small_policy())
    view = advance(rig, open_promotion(rig, "1.1.0"), "wave-1.gate-25")
    rig.clock.sleep(2)
    rig.guard_alive = False
    rig.clock.at += 20
    report = look_at_gate(rig.world, view.id, "wave-1.gate-25", actor="test")
    assert report.evidence.verdict is Verdict.NO_DATA, report.evidence.why
    assert not now(rig, view).verified("wave-1.gate-25")


def test_a_gate_that_cannot_look_does_not_open(tmp_path: Path) -> None:
    rig = build(tmp_path, small_policy())
    view = advance(rig, open_promotion(rig, "1.1.0"), "wave-1.ready")
    rig.compute.faults.unreachable = Unreachable("the region does not answer")
    report = look_at_gate(rig.world, view.id, "wave-1.ready", actor="test")
    assert (report.evidence.verdict, report.final) == (Verdict.NO_DATA, False)
    assert not now(rig, view).verified("wave-1.ready")


def test_a_gate_that_waited_too_long_fails(tmp_path: Path) -> None:
    rig = build(tmp_path, small_policy())
    view = advance(rig, open_promotion(rig, "1.1.0"), "wave-1.ready")
    rig.compute.kill(Arm("east", Slot.B), 0)
    rig.clock.at += 200
    report = look_at_gate(rig.world, view.id, "wave-1.ready", actor="test")
    assert (report.evidence.verdict, report.final) == (Verdict.FAIL, True)
    assert "no pass within 120 s" in report.evidence.why
    assert not now(rig, view).verified("wave-1.ready")
