"""Real DAG runs on the memory estate: Airflow's own loop (``dag.test``) over the DAG that the factory builds."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support import moving
from tests.support.estate import ROOT, Rig
from tidegate.engine.view import OperationView
from tidegate.model.operation import OperationKind
from tidegate.plan.promotion import promotion_plan
from tidegate.plan.rollback import rollback_plan
from tidegate.policy.load import Loaded, load_policy

_PLANNERS = {OperationKind.PROMOTION: promotion_plan, OperationKind.ROLLBACK: rollback_plan, **moving.PLANNERS}


def loaded_of(rig: Rig) -> Loaded:
    """The rig's policy, as if a file had held it."""
    shop = load_policy(ROOT / "dags" / "policies" / "shop.yaml")
    return dataclasses.replace(shop, policy=rig.world.policy, digest=rig.world.policy_digest)


def blueprint_of(rig: Rig, kind: OperationKind = OperationKind.PROMOTION) -> Any:
    from tidegate.workflow.identity import Blueprint

    return Blueprint.of(loaded_of(rig), _PLANNERS[kind](rig.world.policy, rig.world.policy_digest))


@dataclass(frozen=True)
class Ran:
    """``tasks``: task id -> state. ``view``: the operation, None if none was opened."""

    state: str
    tasks: Mapping[str, str]
    view: OperationView | None
    run_id: str


def run(
    rig: Rig,
    monkeypatch: pytest.MonkeyPatch,
    conf: Mapping[str, Any],
    kind: OperationKind = OperationKind.PROMOTION,
    *,
    green: str | None = None,
) -> Ran:
    """One run to its end. ``green``: task ids (a regular expression) that somebody marks as success instead.

    The clock moves only while somebody sleeps on it, so gates look until they are settled and never defer.
    """
    from tidegate.workflow import gates, worlds
    from tidegate.workflow.dag import build
    from tidegate.workflow.identity import read

    sleep = time.sleep
    monkeypatch.setattr(gates, "PATIENCE", 1e9)
    monkeypatch.setattr(time, "sleep", lambda seconds: sleep(min(seconds, 0.02)))  # dag.test() sleeps whole seconds
    blueprint = blueprint_of(rig, kind)
    dag = build(blueprint)
    dag.deadline = None  # Airflow's: dag.test() cannot have one
    with worlds.prepared(rig.world):
        done = dag.test(run_conf=dict(conf), mark_success_pattern=green)
        view = read(rig.world, blueprint.operation(done.run_id))
    tasks = {ti.task_id: str(ti.state) for ti in done.get_task_instances()}
    return Ran(str(done.state), tasks, view, done.run_id)


def context(run_id: str = "manual__1", task_id: str = "task", **more: Any) -> dict[str, Any]:
    """As much of a task's context as Tidegate's operators read."""
    task = SimpleNamespace(dag_id="dag", task_id=task_id, try_number=1, id="00000000-0000-0000-0000-000000000001")
    person = SimpleNamespace(run_type="manual", triggering_user_name="cat")
    return {"run_id": run_id, "ti": task, "dag_run": person, "params": {}, **more}


def dag_folder(tmp_path: Path) -> Path:
    """A copy of the repository's DAG files with their policies."""
    import shutil

    folder = tmp_path / "dags"
    shutil.copytree(ROOT / "dags", folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder
