"""``drill__<service>``: begins whoever holds the drill, once, and shows what the journal has of it, part by part."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

import pytest

from tests.support.airflow_runs import context, loaded_of
from tests.support.drills import SERVICE, Stage, stage
from tests.support.lab import until
from tidegate.drill.session import hold
from tidegate.journal.model import EventKind
from tidegate.model.drill import Phase, Scenario

pytestmark = pytest.mark.airflow

TWO = {"bad_release": {"version": "1.2.0"}, "region_loss": {}}


class Shown:
    """The DAG of a drill, and its world."""

    def __init__(self, tmp_path: Path, **section: Any) -> None:
        from tidegate.workflow.drill import build_drill

        self.stage: Stage = stage(tmp_path, TWO, **section)
        self.stage.rig.users.error_rate["1.2.0"] = {"checkout": 0.3}
        loaded = dataclasses.replace(loaded_of(self.stage.rig), policy=self.stage.cast.policy)
        self.dag = build_drill(loaded)
        self.world = dataclasses.replace(self.stage.rig.world, policy=self.stage.cast.policy)

    def hold(self, *scenarios: Scenario) -> None:
        """Hold the drill that the run is, as its process would."""
        which = self.dag.get_task("begin").which(context())
        hold(self.stage.again(which), scenarios)

    def execute(self, task_id: str) -> None:
        from tidegate.workflow.worlds import prepared

        with prepared(self.world):
            self.dag.get_task(task_id).execute(context(task_id=task_id))


def test_every_part_of_every_scenario_is_a_task_in_order(tmp_path: Path) -> None:
    dag = Shown(tmp_path).dag
    parts = [f"{scenario}.{phase.value.replace(' ', '_')}" for scenario in TWO for phase in Phase]
    assert [task.task_id for task in dag.topological_sort()] == ["begin", *parts, "outcome"]
    assert {task.owner for task in dag.tasks} == {"sre"}
    assert all(task.trigger_rule.value == "all_done" for task in dag.tasks if task.task_id != "begin")


def test_it_runs_at_its_hour_and_makes_up_for_none_that_was_missed(tmp_path: Path) -> None:
    from datetime import timedelta

    dag = Shown(tmp_path, schedule="0 3 * * *", timezone="Europe/Berlin").dag
    assert (dag.schedule.expression, str(dag.schedule.timezone)) == ("0 3 * * *", "Europe/Berlin")
    assert dag.schedule.run_immediately == timedelta(0)
    assert not dag.catchup


def test_a_drill_that_passed_is_green_in_every_part(tmp_path: Path) -> None:
    shown = Shown(tmp_path)
    shown.hold(Scenario.BAD_RELEASE, Scenario.REGION_LOSS)
    for task in shown.dag.topological_sort():
        shown.execute(task.task_id)  # the first finds it begun, and begins none


def test_what_was_wrong_is_red_where_it_was_and_what_was_not_come_to_is_skipped(tmp_path: Path) -> None:
    from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

    shown = Shown(tmp_path)
    shown.stage.rig.database.kill("west")
    shown.hold(Scenario.BAD_RELEASE)
    with pytest.raises(AirflowFailException, match="readiness of shop"):
        shown.execute("bad_release.preconditions")
    with pytest.raises(AirflowSkipException, match="not come to"):
        shown.execute("bad_release.fault")
    with pytest.raises(AirflowSkipException, match="not come to"):
        shown.execute("region_loss.fault")
    with pytest.raises(AirflowFailException, match="failed"):
        shown.execute("outcome")


def test_it_waits_deferred_for_what_is_not_over_and_says_when_the_holder_is_dead(tmp_path: Path) -> None:
    from airflow.sdk.exceptions import TaskDeferred

    from tidegate.workflow.drill import BEGINS_WITHIN
    from tidegate.workflow.worlds import prepared

    shown = Shown(tmp_path)
    with pytest.raises(TaskDeferred) as waiting:
        shown.execute("bad_release.fault")
    trigger, journal = waiting.value.trigger, shown.world.journal
    which = shown.dag.get_task("begin").which(context())
    body = {"drill": which, "environment": "shop", "scenarios": ["bad_release"], "by": "ann"}
    with prepared(shown.world):
        assert trigger.look(0.0) is None
        assert trigger.look(BEGINS_WITHIN + 1) == "the drill has not begun"
        with journal.locked(SERVICE) as txn:
            txn.append(EventKind.DRILL_BEGUN, body, actor="drill")
        shown.stage.again(which).beat(None, "begins")
        assert trigger.look(0.0) is None
        shown.stage.rig.clock.sleep(60.0)
        assert "has died" in trigger.look(0.0)
        told = {"scenario": "bad_release", "phase": Phase.FAULT.value, "why": "it is bad", "wrong": [], "facts": {}}
        with journal.locked(SERVICE) as txn:
            txn.append(EventKind.DRILL_PHASE, {"drill": which, **told}, actor="drill")
        assert trigger.look(0.0) == "", "its part is over, whatever became of the rest"


def test_whoever_holds_it_is_a_process_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It outlives the task: here it finds no policy of that name, and says so in its own log."""
    monkeypatch.setenv("TIDEGATE_HOME", str(tmp_path / "home"))
    shown = Shown(tmp_path)
    shown.execute("begin")
    which = shown.dag.get_task("begin").which(context())
    log, pid = (tmp_path / "home" / "drills" / f"{which}.{end}" for end in ("log", "pid"))
    assert os.getpgid(int(pid.read_text())) != os.getpgid(0)
    until(lambda: "there is no policy for service 'prod'" in log.read_text(), 60, "it did not say why it ended")
