"""Parsing: which DAGs there are, their shape, what parsing costs, and what a broken policy does to them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.airflow_runs import dag_folder
from tests.support.estate import ROOT

pytestmark = pytest.mark.airflow
SHAPES = Path(__file__).parent / "shapes"
HERE = ("contract__shop", "control__shop", "promote__shop", "readiness__shop", "rollback__shop")
MOVES = ("failover__shop", "reprotect__shop", "switchover__shop")  # their shapes: test_moving_dags.py
ALL = {*HERE, *MOVES}
RENEW = "TIDEGATE_RENEW_SHAPES"
VENDORS = ["boto3", "great_expectations", "psycopg", "numpy", "scipy", "securesystemslib", "alembic", "locust"]


def bag(folder: Path) -> Any:
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(str(folder))


@pytest.fixture(scope="module")
def dags() -> Any:
    return bag(ROOT / "dags")


def test_exactly_these_dags_are_there(dags: Any) -> None:
    assert dags.import_errors == {}
    assert set(dags.dags) == ALL


@pytest.mark.parametrize("dag_id", HERE)
def test_the_shape_is_as_recorded(dags: Any, dag_id: str) -> None:
    shape = "\n".join(shape_of(dags.dags[dag_id])) + "\n"
    file = SHAPES / f"{dag_id}.txt"
    if os.environ.get(RENEW):
        file.write_text(shape)
    assert shape == file.read_text(), f"if that is meant: {RENEW}=1 pytest {__file__}"


def shape_of(dag: Any) -> Iterator[str]:
    for task in dag.topological_sort():
        above = ", ".join(sorted(task.upstream_task_ids)) or "-"
        yield f"{task.task_id}  {type(task).__name__}  {task.owner}  {task.trigger_rule}  after {above}"


@pytest.mark.parametrize("dag_id", ["promote__shop", "rollback__shop"])
def test_nothing_that_skips_or_stops_a_way_back_is_set(dags: Any, dag_id: str) -> None:
    dag = dags.dags[dag_id]
    assert (dag.dagrun_timeout, dag.catchup, dag.max_active_runs) == (None, False, 1)
    assert dag.is_paused_upon_creation is False
    assert [t.task_id for t in dag.tasks if t.execution_timeout] == []
    assert [t.task_id for t in dag.tasks if t.template_fields] == [], "what people type must not reach a template"


def test_only_the_rto_is_a_deadline_of_airflows(dags: Any) -> None:
    """A run that has one from ``DAGRUN_QUEUED_AT`` cannot be cleared by Airflow 3.3.2 (decision 11); the guard keeps
    the policy's deadlines. The RTO has one with a reference of its own: test_rto_alert.py."""
    assert [dag_id for dag_id, dag in dags.dags.items() if dag.deadline] == ["failover__shop"]


def test_the_runbook_names_every_node(dags: Any) -> None:
    for dag in (dags.dags["promote__shop"], dags.dags["rollback__shop"]):
        for task in dag.tasks:
            assert task.task_id in ("bind", "outcome") or f"`{task.task_id.split('.', 1)[1]}`" in dag.doc_md


def test_a_dag_s_documentation_is_its_runbook(dags: Any) -> None:
    """One source for both: what to type, who answers for it, and that what each step took stands elsewhere."""
    for dag_id, dag in dags.dags.items():
        kind = dag_id.partition("__")[0]
        if kind in ("promote", "rollback", "failover", "switchover", "reprotect"):
            verb = f"tidegate run {kind} shop"
            assert verb in dag.doc_md, dag_id
        if kind == "contract":
            assert "tidegate contract shop" in dag.doc_md
        if kind not in ("control", "readiness", "drill"):
            assert "**Answers for it:**" in dag.doc_md, dag_id
            assert "With history: `tidegate runbook shop" in dag.doc_md, dag_id
            assert "## When a task is red" in dag.doc_md, dag_id
            assert "## Notes" not in dag.doc_md, dag_id


def test_owners_and_tags_are_the_policys(dags: Any) -> None:
    dag = dags.dags["promote__shop"]
    assert dag.tags == {"tidegate", "shop", "promotion", "owner:team-shop"}
    assert {t.owner for t in dag.tasks} == {"team-shop"}


@pytest.mark.parametrize("dag_id", ["promote__shop", "rollback__shop"])
def test_no_effect_without_a_sensor_upstream(dags: Any, dag_id: str) -> None:
    """Walks the DAG as Airflow stores it. Nothing is excepted: the fast lane is a decision inside a gate."""
    tasks = stored(dags.dags[dag_id])
    effects = [task_id for task_id in tasks if changes_something(dags.dags[dag_id].get_task(task_id))]
    assert len(effects) > 3
    for task_id in effects:
        above = everything_above(tasks, task_id)
        assert any(tasks[t].get("_is_sensor") for t in above), f"{task_id} can act before anything was looked at"


def stored(dag: Any) -> dict[str, Any]:
    """Task id -> the task, as it lies in Airflow's database."""
    from airflow.serialization.serialized_objects import DagSerialization

    document = json.loads(json.dumps(DagSerialization.to_dict(dag)))
    return {task["__var"]["task_id"]: task["__var"] for task in document["dag"]["tasks"]}


def everything_above(tasks: dict[str, Any], task_id: str) -> set[str]:
    above = {t for t, task in tasks.items() if task_id in task.get("downstream_task_ids", ())}
    return above.union(*(everything_above(tasks, t) for t in above))


def test_no_shift_right_after_another_effect(dags: Any) -> None:
    """Between two growths of the weight stands a gate; only an approval may stand between the gate and the shift."""
    dag = dags.dags["promote__shop"]
    shifts = [t for t in dag.tasks if t.task_id.startswith("wave-") and ".shift-" in t.task_id]
    assert len(shifts) == 6
    for task in shifts:
        (above,) = task.upstream_list
        while type(above).__name__ == "ApprovalOperator":
            (above,) = above.upstream_list
        assert is_sensor(above), f"{task.task_id} follows {above.task_id}"


def is_sensor(task: Any) -> bool:
    return bool(getattr(task, "_is_sensor", False))


def changes_something(task: Any) -> bool:
    from tidegate.plan.model import Step

    if not hasattr(task, "node"):
        return False
    node = task.blueprint.plan.node(task.node)[1]
    return isinstance(node, Step) and node.effect


COST = """
import json, sys, time
import airflow.sdk, airflow.dag_processing.dagbag, airflow.providers.standard.operators.hitl, airflow.triggers.base
before, cpu = set(sys.modules), time.process_time()
bag = airflow.dag_processing.dagbag.DagBag(sys.argv[1])
print("@" + json.dumps([sorted(bag.dags), time.process_time() - cpu, sorted(set(sys.modules) - before)]))
"""


def test_parsing_is_cheap_and_imports_no_vendors_sdk(tmp_path: Path) -> None:
    env = {**os.environ, "TIDEGATE_HOME": str(tmp_path)}
    argv = [sys.executable, "-c", COST, str(ROOT / "dags")]
    done = subprocess.run(argv, capture_output=True, text=True, env=env, check=True, timeout=120)
    found, seconds, modules = json.loads(done.stdout[done.stdout.index("@") + 1 :])
    assert found == sorted(ALL)
    assert [m for m in modules if m.partition(".")[0] in VENDORS] == []
    assert seconds < 0.6 * len(ALL), f"{seconds:.2f} s of CPU for {len(ALL)} DAG files"


def test_a_broken_policy_keeps_its_dags_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEGATE_HOME", str(tmp_path / "var"))
    folder = dag_folder(tmp_path)
    before = bag(folder)
    policy = folder / "policies" / "shop.yaml"
    policy.write_text(policy.read_text().replace("alpha: 1%", "alpah: 1%"))
    after = bag(folder)
    assert set(after.dags) == set(before.dags) == ALL
    for dag_id, dag in after.dags.items():
        assert list(shape_of(dag)) == list(shape_of(before.dags[dag_id]))
        if dag_id in ("control__shop", "readiness__shop"):
            continue
        assert "stale-policy" in dag.tags
        assert "last good state" in dag.doc_md
        assert dag.get_task("bind").blueprint.digest == before.dags[dag_id].get_task("bind").blueprint.digest
    assert [Path(file).name for file in after.import_errors] == ["policy_errors.py"]
    assert "alpah" in str(after.import_errors)


def test_a_worker_builds_its_own_dag_only_and_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tidegate.workflow.factory import control_dags, promotion_dags, rollback_dags

    monkeypatch.setenv("TIDEGATE_HOME", str(tmp_path))
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "promote__shop")
    assert list(promotion_dags(ROOT / "dags" / "policies")) == ["promote__shop"]
    assert list(rollback_dags(ROOT / "dags" / "policies")) == []
    assert list(control_dags(ROOT / "dags" / "policies")) == []
    assert list(tmp_path.rglob("*")) == []


def test_the_guards_asset_starts_rollbacks(dags: Any) -> None:
    from airflow.serialization.encoders import encode_trigger

    (asset,) = dags.dags["rollback__shop"].timetable.asset_condition.objects
    (watcher,) = asset.watchers
    encoded = encode_trigger(watcher.trigger)
    assert encoded["classpath"] == "tidegate.workflow.watcher.GuardTrigger"
    digest = dags.dags["rollback__shop"].get_task("bind").blueprint.loaded.digest
    assert encoded["kwargs"] == {"service": "shop", "policy": digest}, "ids only"


def test_control_stands_beside_what_it_controls(dags: Any) -> None:
    dag = dags.dags["control__shop"]
    assert (dag.dagrun_timeout, dag.catchup, dag.is_paused_upon_creation) == (None, False, False)
    assert dag.max_active_runs > 1, "an abort must not queue behind a pause"
    assert dag.params.get_param("action").schema["enum"] == ["pause", "resume", "abort"]
    assert [t.template_fields for t in dag.tasks] == [()]


def test_readiness_only_looks(dags: Any) -> None:
    dag = dags.dags["readiness__shop"]
    assert (dag.dagrun_timeout, dag.catchup, dag.max_active_runs) == (None, False, 1)
    assert [(t.task_id, t.template_fields, t.do_xcom_push) for t in dag.tasks] == [("readiness", (), False)]
