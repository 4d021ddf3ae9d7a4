"""Airflow's own alert on the RTO: a deadline of the failover's run that clearing does not break."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.airflow_loop import in_airflow
from tests.support.airflow_runs import blueprint_of
from tests.support.estate import Rig, build
from tests.support.moving import moving_policy, open_move
from tidegate.engine.objectives import RTO_MISSED
from tidegate.engine.section import run_section
from tidegate.journal.model import EventKind
from tidegate.model.operation import OperationKind
from tidegate.policy.schema import Policy

pytestmark = pytest.mark.airflow
RTO = 8.0


def policy(rto: float | None = RTO) -> Policy:
    plain = moving_policy()
    return plain.model_copy(update={"objectives": plain.objectives.model_copy(update={"rto": rto})})


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return build(tmp_path, policy())


def dag_of(rig: Rig, kind: OperationKind = OperationKind.FAILOVER) -> Any:
    from tidegate.workflow.dag import build as build_dag

    return build_dag(blueprint_of(rig, kind))


def test_the_failover_alone_has_one_where_the_policy_has_an_rto(rig: Rig, tmp_path: Path) -> None:
    alert = dag_of(rig).deadline
    (one,) = alert if isinstance(alert, list) else [alert]
    assert one.interval == timedelta(seconds=RTO)
    assert one.callback.path == "tidegate.workflow.rto_alert.rto_is_over"
    assert not dag_of(rig, OperationKind.SWITCHOVER).deadline
    assert not dag_of(build(tmp_path / "other", policy(None))).deadline


def test_without_the_plugin_there_is_none_and_it_is_said(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("airflow.plugins_manager.get_deadline_references_plugins", dict)
    assert not dag_of(rig).deadline
    assert "has no alert of Airflow's on its RTO" in caplog.text


@pytest.mark.usefixtures("metadata")
def test_a_run_has_its_deadline_and_can_be_cleared(rig: Rig) -> None:
    """With Airflow's own reference clearing raises a TypeError."""
    from airflow.models.deadline import Deadline
    from airflow.models.taskinstance import clear_task_instances
    from airflow.utils.session import create_session
    from airflow.utils.state import DagRunState
    from airflow.utils.types import DagRunTriggeredByType, DagRunType
    from sqlalchemy import select

    stored = in_airflow(dag_of(rig))
    with create_session() as session:
        run = stored.create_dagrun(
            run_id="asset__1",
            run_after=datetime(2026, 1, 1, tzinfo=UTC),
            run_type=DagRunType.ASSET_TRIGGERED,
            triggered_by=DagRunTriggeredByType.ASSET,
            state=DagRunState.QUEUED,
            session=session,
        )
        session.flush()
        (deadline,) = session.scalars(select(Deadline).where(Deadline.dagrun_id == run.id)).all()
        due = deadline.deadline_time
        assert due == run.queued_at + timedelta(seconds=RTO)
        clear_task_instances(list(run.get_task_instances(session=session)), session)
        session.flush()
        assert deadline.deadline_time == due, "clearing puts nothing off"


def test_the_callback_notes_it_once_and_only_while_users_are_without_the_service(rig: Rig) -> None:
    from tidegate.workflow import rto_alert, worlds

    rig.clock.ticks.clear()  # no guard: Airflow is alone
    rig.lose("east")
    rig.database.kill("east")
    view = open_move(rig, OperationKind.FAILOVER)
    run_section(rig.world, view.id, "declare.measure", actor="test")
    with worlds.prepared(rig.world):
        assert rto_alert.tell("shop") == "", "not yet"
        rig.clock.sleep(RTO + 1)
        asyncio.run(rto_alert.rto_is_over("shop", context={}))
        assert rto_alert.tell("shop") == "", "once"
    rows = rig.world.journal.events("shop", operation=view.id, kinds={EventKind.NOTE})
    (said,) = [row for row in rows if row.body["what"] == RTO_MISSED]
    assert said.actor == "airflow deadline"
