"""The DAGs of a group: which there are, their shape, and whole runs on memory drivers."""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.airflow.test_parse import RENEW, SHAPES, bag, shape_of
from tests.support.estate import ROOT, Rig
from tests.support.group_policies import GROUP, folder_of
from tests.support.groups import MEMBERS, Storefront, storefront
from tidegate.engine.group_run import PLANNERS
from tidegate.engine.groups import latest, read_group
from tidegate.engine.open import Request, open_operation
from tidegate.engine.runner import drive
from tidegate.model.operation import OperationKind
from tidegate.plan.group import Heading, Stands

pytestmark = pytest.mark.airflow
GROUPS = {"failover_group__storefront", "switchover_group__storefront", "reprotect_group__storefront"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This repository's DAG files beside the policies of three services and their group."""
    dags = tmp_path_factory.mktemp("groups") / "dags"
    shutil.copytree(ROOT / "dags", dags, ignore=shutil.ignore_patterns("__pycache__", "policies"))
    folder_of(dags)
    return dags


@pytest.fixture(scope="module")
def dags(folder: Path) -> Any:
    return bag(folder)


def test_there_is_one_for_each_kind(dags: Any) -> None:
    assert dags.import_errors == {}
    assert {name for name in dags.dags if "_group__" in name} == GROUPS


@pytest.mark.parametrize("dag_id", sorted(GROUPS))
def test_the_shape_is_as_recorded(dags: Any, dag_id: str) -> None:
    dag = dags.dags[dag_id]
    shape = "\n".join(shape_of(dag)) + "\n"
    file = SHAPES / f"{dag_id}.txt"
    if os.environ.get(RENEW):
        file.write_text(shape)
    assert shape == file.read_text(), f"if that is meant: {RENEW}=1 pytest {__file__}"
    assert (dag.dagrun_timeout, dag.catchup, dag.max_active_runs, dag.is_paused_upon_creation) == (
        None,
        False,
        1,
        False,
    )
    assert [t.task_id for t in dag.tasks if t.template_fields] == [], "what people type must not reach a template"


def test_a_broken_group_keeps_its_dags(folder: Path) -> None:
    file = folder / "policies" / "groups" / "storefront.yaml"
    try:
        file.write_text(GROUP.replace("payments, catalog", "payments, catalgo"))
        found = bag(folder)
        assert set(found.dags) >= GROUPS, "the last good state stands in"
        assert "stale-policy" in found.dags["failover_group__storefront"].tags
        (error,) = found.import_errors.values()
        assert "storefront.yaml:6:28: 'catalgo' is no service of this group; did you mean 'catalog'?" in error
    finally:
        file.write_text(GROUP)


@pytest.fixture
def deployed(folder: Path, metadata: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``dag.test`` looks for a DAG of that name in Airflow's own folder first."""
    monkeypatch.setattr("airflow.settings.DAGS_FOLDER", str(folder))


@pytest.fixture
def group(tmp_path: Path) -> Storefront:
    return storefront(tmp_path)


def run_group(group: Storefront, folder: Path, monkeypatch: pytest.MonkeyPatch, kind: OperationKind, to: str) -> Any:
    """One run of the group's DAG in Airflow's own loop. Each member's run is really asked for, and is in Airflow's
    database afterwards; no scheduler takes it up here, so what it would carry is carried at once by the runner."""
    from airflow.sdk.definitions.dag import DAG

    from tidegate.policy.groups import load_group
    from tidegate.workflow import group_member, worlds
    from tidegate.workflow.group_dag import build_group

    sync(folder)
    policies = group.policies
    loaded = load_group(folder / "policies" / "groups" / "storefront.yaml", policies)
    dag: DAG = build_group(loaded, policies, kind)
    asked: list[tuple[str, str, str]] = []

    def start_and_carry(dag_id: str, run_id: str, conf: dict[str, Any]) -> bool:
        if not start_run(dag_id, run_id, conf):
            return False
        asked.append((dag_id, run_id, conf.get("target", "")))
        service = dag_id.partition("__")[2]
        carry_member(group.rigs[service], dag_id, run_id, conf)
        return True

    start_run = group_member.start_run
    monkeypatch.setattr(group_member, "start_run", start_and_carry)
    sleep = time.sleep
    monkeypatch.setattr(time, "sleep", lambda seconds: sleep(min(seconds, 0.02)))
    with contextlib.ExitStack() as stack:
        for rig in group.rigs.values():
            stack.enter_context(worlds.prepared(rig.world))
        done = dag.test(run_conf={"target": to, "reason": "a test"})
    tasks = {ti.task_id: str(ti.state) for ti in done.get_task_instances()}
    return str(done.state), tasks, asked


def carry_member(rig: Rig, dag_id: str, run_id: str, conf: dict[str, Any]) -> None:
    from tidegate.workflow.identity import kind_of

    kind = kind_of(dag_id)
    assert kind is not None
    request = Request(kind, f"{dag_id}/{run_id}", "cat", conf["reason"], conf.get("target"))
    plan = PLANNERS[kind](rig.world.policy, rig.world.policy_digest)
    view = open_operation(rig.world, request, plan, actor="its run")
    drive(rig.world, view.id, actor="its run")


def sync(folder: Path) -> None:
    """The DAGs of the folder as the DAG processor leaves them in Airflow's database."""
    from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
    from airflow.models.dagbundle import DagBundleModel
    from airflow.utils.session import create_session

    with create_session() as session:
        session.merge(DagBundleModel(name="testing"))
    sync_bag_to_db(DagBag(str(folder)), "testing", None)


def test_a_switchover_runs_there_and_home(
    group: Storefront, folder: Path, deployed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    state, tasks, asked = run_group(group, folder, monkeypatch, OperationKind.SWITCHOVER, "west")
    assert (state, group.writers()) == ("success", dict.fromkeys(MEMBERS, ("west",))), tasks
    assert {dag for dag, _, _ in asked[:2]} == {"switchover__payments", "switchover__catalog"}
    assert [dag for dag, _, _ in asked[2:]] == ["switchover__shop"]
    assert {t: s for t, s in tasks.items() if t.startswith("back.")} == dict.fromkeys(
        ("back.shop", "back.payments", "back.catalog"), "skipped"
    )
    state, tasks, asked = run_group(group, folder, monkeypatch, OperationKind.SWITCHOVER, "east")
    assert (state, group.writers()) == ("success", dict.fromkeys(MEMBERS, ("east",))), tasks
    assert asked[0][0] == "switchover__shop", "home in reverse"
    assert tasks["out.shop"] == "skipped"


def test_one_fails_half_way_and_a_person_turns_it_back(
    group: Storefront, folder: Path, deployed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tasks of those who wait are in the triggerer until somebody has decided; no task is cleared by hand."""
    rig = group.rigs["payments"]
    rig.database.hold("west")
    rig.database.write("east", "the last order")
    decided = threading.Thread(target=turn_back_once_it_failed, args=(group,))
    decided.start()
    state, tasks, asked = run_group(group, folder, monkeypatch, OperationKind.SWITCHOVER, "west")
    decided.join(timeout=120)
    assert (state, group.writers()) == ("failed", dict.fromkeys(MEMBERS, ("east",))), tasks
    assert tasks["outcome"] == "failed", "it did not end as it was meant to"
    assert [dag for dag, _, _ in asked if dag.endswith("shop")] == [], "shop never began"
    assert tasks["back.payments"] == "success", "it is where it is to be"


def turn_back_once_it_failed(group: Storefront) -> None:
    until = time.monotonic() + 110
    while time.monotonic() < until:
        operation = latest(group.journal, "storefront")
        view = read_group(group.journal, "storefront", operation) if operation else None
        if view is not None and view.standing("payments").word is Stands.FAILED:
            group.decide(view, Heading.BACK)
            return
        threading.Event().wait(0.2)


def test_the_members_run_is_in_the_name_of_whoever_asked(
    group: Storefront, folder: Path, deployed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``dag.test`` has no token that says whose task asks, so the route of Airflow's own is called with one: what it
    answers there is what a worker gets."""
    from airflow.api_fastapi.execution_api.datamodels.dagrun import TriggerDAGRunPayload
    from airflow.api_fastapi.execution_api.routes.dag_runs import trigger_dag_run
    from airflow.models.dagrun import DagRun
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session
    from sqlalchemy import select

    _, _, asked = run_group(group, folder, monkeypatch, OperationKind.SWITCHOVER, "west")
    with create_session() as session:
        for dag_id, run_id, _ in asked:
            run = session.scalar(select(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id))
            assert run is not None, f"{dag_id} {run_id} is in Airflow's database"
            assert run.run_type == "operator_triggered"
        of_group = DagRun.dag_id == "switchover_group__storefront"
        mine = session.scalars(select(DagRun).where(of_group).order_by(DagRun.id.desc())).first()
        assert mine is not None
        mine.triggering_user_name = "cat"
        task = session.scalar(
            select(TaskInstance).where(TaskInstance.run_id == mine.run_id, TaskInstance.task_id == "out.shop")
        )
        session.flush()
        token: Any = SimpleNamespace(id=task.id)
        payload = TriggerDAGRunPayload(logical_date=None, conf={"target": "west", "reason": "a test"})
        trigger_dag_run("switchover__shop", "request__again", payload, session, token)
        asked_by = select(DagRun.triggering_user_name).where(DagRun.run_id == "request__again")
        assert session.scalar(asked_by) == "cat"
        session.rollback()
