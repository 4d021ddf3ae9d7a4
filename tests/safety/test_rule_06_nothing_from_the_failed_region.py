"""Rule 6. Rollback, failover and break-glass need nothing from the failed region; edge, Airflow and journal stand in a
third place.

The lab keeps edge, Airflow and journal apart from both regions; losing one for real comes with part 4.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.estate import build
from tests.support.operations import advance, open_promotion, small_policy, weights
from tidegate.drivers.compute.contract import SlotState
from tidegate.engine.execute import run_step
from tidegate.engine.turn import declare_stop_loss
from tidegate.engine.view import STOP_LOSS_NODE
from tidegate.errors import Unreachable
from tidegate.model.topology import Arm


@pytest.mark.parametrize("lost", ["east", "west"])
def test_traffic_is_safe_while_a_region_does_not_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    rig = build(tmp_path, small_policy())
    view = advance(rig, open_promotion(rig, "1.1.0"), "wave-1.shift-100")
    answer = rig.compute.observe

    def gone(arm: Arm) -> SlotState:
        if arm.region == lost:
            raise Unreachable(f"{lost} does not answer")
        return answer(arm)

    monkeypatch.setattr(rig.compute, "observe", gone)
    declare_stop_loss(rig.world, view.id, why="a test", evidence={}, actor="guard")
    run_step(rig.world, view.id, STOP_LOSS_NODE, actor="guard")
    assert weights(rig) == {"east-a": 5000, "west-a": 5000}


def test_break_glass_imports_no_airflow() -> None:
    """The command line, and all that it drives an operation with."""
    code = (
        "import sys, tidegate.cli, tidegate.cli.service, tidegate.engine.assemble, tidegate.engine.runner; "
        "assert not (found := sorted({m for m in sys.modules if m.split('.')[0] == 'airflow'})), found"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
