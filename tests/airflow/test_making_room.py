"""A rollback that is triggered while a promotion runs: its first task waits in the triggerer, then begins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.airflow_runs import blueprint_of, context
from tests.support.estate import Rig, build
from tests.support.operations import advance, now, open_promotion, small_policy, weights
from tidegate.engine.runner import drive
from tidegate.engine.view import OperationView
from tidegate.model.operation import OperationKind, Outcome

pytestmark = pytest.mark.airflow


def bind(rig: Rig) -> Any:
    from tidegate.workflow.dag import build as build_dag

    return build_dag(blueprint_of(rig, OperationKind.ROLLBACK)).task_dict["bind"]


def deferred(rig: Rig) -> Any:
    """The trigger that the first task waits with."""
    from airflow.sdk.exceptions import TaskDeferred

    from tidegate.workflow.room_trigger import RoomTrigger

    with pytest.raises(TaskDeferred) as wait:
        bind(rig).execute(context(task_id="bind"))
    assert isinstance(wait.value.trigger, RoomTrigger)
    assert wait.value.method_name == "after_room"
    return wait.value.trigger


def half_way(tmp_path: Path) -> tuple[Rig, OperationView]:
    rig = build(tmp_path, small_policy())
    return rig, advance(rig, open_promotion(rig, "1.1.0"), "wave-1.shift-100")


def test_it_waits_for_the_way_back_and_begins_then(tmp_path: Path) -> None:
    from tidegate.workflow.worlds import prepared

    rig, view = half_way(tmp_path)
    with prepared(rig.world):
        trigger = deferred(rig)
        assert trigger.serialize()[1] == {"service": "shop", "lower": view.id}, "ids only"
        assert weights(rig) == {"east-a": 5000, "west-a": 5000}, "traffic is safe before anybody waits"
        assert trigger.look() is None, "its own run carries the way back"
        drive(rig.world, view.id, actor="airflow promote__shop")
        seen = trigger.look()
        assert seen == {"lower": view.id, "stranded": ""}
        opened = bind(rig).after_room(context(task_id="bind"), seen)
    lease = rig.world.journal.head("shop").lease
    assert lease is not None
    assert lease.operation == opened


def test_where_nobody_carries_the_way_back_it_does_so_itself(tmp_path: Path) -> None:
    from tidegate.workflow.worlds import prepared

    rig, view = half_way(tmp_path)
    with prepared(rig.world):
        trigger = deferred(rig)
        rig.clock.sleep(90)
        seen = trigger.look()
        assert seen is not None
        assert "Nobody carries this operation on" in seen["stranded"]
        bind(rig).after_room(context(task_id="bind"), seen)
    assert now(rig, view).outcome is Outcome.ROLLED_BACK
