"""The DAGs that move a service between its regions: their shape, and one whole run of each on memory drivers."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.airflow.test_parse import RENEW, SHAPES, bag, shape_of
from tests.support.airflow_runs import dag_folder, run
from tests.support.estate import build
from tests.support.moving import moving_policy, placement, regions
from tidegate.model.operation import OperationKind, Outcome

pytestmark = pytest.mark.airflow
SECTION = """failover:
  steps: [50%, 100%]
  approval: {from: [ann, ben], quorum: 2, within: 15m}
  instances: 3
"""
MOVES = {"switchover__shop", "failover__shop", "reprotect__shop"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository's DAG files, and the shop's policy with the section."""
    folder = dag_folder(tmp_path_factory.mktemp("moving"))
    policy = folder / "policies" / "shop.yaml"
    if "\nfailover:" not in policy.read_text():
        policy.write_text(policy.read_text().replace("\nmigrations:\n", f"\n{SECTION}migrations:\n", 1))
    return folder


@pytest.fixture(scope="module")
def dags(folder: Path) -> Any:
    return bag(folder)


@pytest.fixture
def deployed(folder: Path, metadata: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``dag.test`` looks for a DAG of that name in Airflow's own folder first."""
    monkeypatch.setattr("airflow.settings.DAGS_FOLDER", str(folder))


def test_they_are_there_where_the_policy_says_how_it_moves(dags: Any) -> None:
    assert dags.import_errors == {}
    assert set(dags.dags) >= MOVES


@pytest.mark.parametrize("dag_id", sorted(MOVES))
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
    assert [t.task_id for t in dag.tasks if t.template_fields or t.execution_timeout] == []


def test_the_forms_name_the_regions(dags: Any) -> None:
    to = dags.dags["switchover__shop"].params.get_param("target")
    assert to.schema["enum"] == ["east", "west"]
    assert dags.dags["failover__shop"].params.get_param("target").schema["enum"] == [None, "east", "west"]


def test_a_failover_asks_two_in_series(dags: Any) -> None:
    asked = [t.task_id for t in dags.dags["failover__shop"].tasks if "approve" in t.task_id]
    assert asked == ["declare.approve", "declare.approve-2"]


@pytest.mark.usefixtures("deployed")
def test_there_and_home_and_lost_and_protected_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One run of each DAG, on one estate."""
    rig = build(tmp_path, moving_policy(synchronous="block"))
    there = run(rig, monkeypatch, {"target": "west", "reason": "a test"}, OperationKind.SWITCHOVER)
    assert (there.state, there.view and there.view.outcome) == ("success", Outcome.SWITCHED_OVER)
    assert there.tasks["cutover.promote"] == "success"
    rig.database.kill("west")
    lost = run(rig, monkeypatch, {"target": None, "reason": "west is dark"}, OperationKind.FAILOVER)
    assert (lost.state, lost.view and lost.view.outcome) == ("success", Outcome.FAILED_OVER)
    assert rig.database.writers() == ("east",)
    assert lost.tasks["declare.approve"] in ("success", "skipped"), "nobody was asked"
    rig.database.comes_back("west")
    again = run(rig, monkeypatch, {"reason": "west is back"}, OperationKind.REPROTECT)
    assert (again.state, again.view and again.view.outcome) == ("success", Outcome.REPROTECTED)
    assert regions(rig) == {"east": 5000, "west": 5000}, "the writer is at home, so the traffic is as the policy has it"
    where = placement(rig)
    assert where is not None
    assert (where.primary, where.protected, where.away, where.synced) == ("east", True, False, "west")


@pytest.mark.usefixtures("deployed")
def test_a_section_is_one_task_of_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The task of the first step has done it all; those behind find it done."""
    rig = build(tmp_path, moving_policy())
    ran = run(rig, monkeypatch, {"target": "west", "reason": "a test"}, OperationKind.SWITCHOVER)
    assert ran.view is not None
    rows = rig.world.journal.events("shop", operation=ran.view.id)
    actors = {str(e.body["node"]): e.actor for e in rows if e.kind.value == "step_intended"}
    section = {actors[node] for node in ("cutover.quiesce", "cutover.fence", "cutover.promote")}
    assert len(section) == 1
    assert "cutover.quiesce" in section.pop()
