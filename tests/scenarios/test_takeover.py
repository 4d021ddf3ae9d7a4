"""After break-glass one person carries the operation on; whoever ran it before can neither go on nor turn it back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.safety.test_rule_03_a_stale_actor_is_refused import advance
from tests.scenarios.test_crash_matrix import small_policy
from tests.support.estate import Rig, build
from tests.support.operations import open_promotion
from tidegate.engine.close import close_operation
from tidegate.engine.control import abort
from tidegate.engine.execute import run_step
from tidegate.engine.gates import look_at_gate
from tidegate.engine.runner import drive
from tidegate.engine.takeover import hand_back, take_over
from tidegate.engine.view import STOP_LOSS_NODE, OperationView, fold_operation, require
from tidegate.errors import LeaseLost
from tidegate.model.operation import OperationState, Outcome

ANN, AIRFLOW = "ann (account ops)", "airflow promote__shop task try 1"


def taken(tmp_path: Path) -> tuple[Rig, OperationView]:
    rig = build(tmp_path, small_policy())
    view = advance(rig, open_promotion(rig, "1.1.0"), "wave-1.deploy")
    take_over(rig.world, view.id, person="ann", reason="the worker hangs", actor=ANN)
    return rig, view


DEEDS: dict[str, Callable[[Rig, str], object]] = {
    "the next step": lambda rig, op: run_step(rig.world, op, "wave-1.deploy", actor=AIRFLOW),
    "a step of the way back": lambda rig, op: run_step(rig.world, op, "return.restore-1", actor=AIRFLOW),
    "the first node of the way back": lambda rig, op: run_step(rig.world, op, STOP_LOSS_NODE, actor=AIRFLOW),
    "a gate of the way back": lambda rig, op: look_at_gate(rig.world, op, "return.drained", actor=AIRFLOW),
    "the outcome": lambda rig, op: close_operation(rig.world, op, actor=AIRFLOW),
}


@pytest.mark.parametrize("deed", DEEDS)
def test_whoever_ran_it_is_refused(deed: str, tmp_path: Path) -> None:
    rig, view = taken(tmp_path)
    with pytest.raises(LeaseLost, match="was taken over by ann"):
        DEEDS[deed](rig, view.id)
    now = require(fold_operation(rig.world.journal.events("shop", operation=view.id)), view.id)
    assert now.state is OperationState.RUNNING, "nobody has turned it back"
    assert drive(rig.world, view.id, actor=ANN).outcome is Outcome.PROMOTED


def test_an_abort_makes_traffic_safe_whoever_carries_it(tmp_path: Path) -> None:
    rig, view = taken(tmp_path)
    run_step(rig.world, view.id, "wave-1.deploy", actor=ANN)
    abort(rig.world, view.id, person="ben", reason="it looks bad", actor="ben (account ops)")
    assert run_step(rig.world, view.id, STOP_LOSS_NODE, actor="ben (account ops)").node == STOP_LOSS_NODE
    assert drive(rig.world, view.id, actor=ANN).outcome is Outcome.ROLLED_BACK


def test_handed_back_it_is_anybodys_again(tmp_path: Path) -> None:
    rig, view = taken(tmp_path)
    hand_back(rig.world, view.id, actor="somebody else")
    with pytest.raises(LeaseLost):
        run_step(rig.world, view.id, "wave-1.deploy", actor=AIRFLOW)
    hand_back(rig.world, view.id, actor=ANN)
    assert run_step(rig.world, view.id, "wave-1.deploy", actor=AIRFLOW).node == "wave-1.deploy"
