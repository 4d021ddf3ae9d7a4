"""A stand-in for Airflow's scheduler, in this process: real runs in the real metadata database, one task at a time on
the memory estate, and Airflow's real REST API in between, and in the middle of a task.

What Airflow does by killing a process (a task that is cleared, marked, or whose run is marked while it runs) is done by
:class:`Killed`, raised where the task stands: nothing of ours catches it.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from tests.support.airflow_runs import blueprint_of
from tests.support.estate import Rig
from tidegate.engine.view import OperationView

BUNDLE = "tests"
WITHIN = 400  # turns of the loop before it is thought to be stuck
_numbers = itertools.count(1)


class Killed(BaseException):
    """The task's process is gone."""


class Loop:
    """One service's promotions in Airflow. ``user``: in whose name the API is called."""

    def __init__(self, rig: Rig, monkeypatch: pytest.MonkeyPatch, api: Any, user: str = "cat") -> None:
        from tidegate.workflow import gates
        from tidegate.workflow.dag import build

        monkeypatch.setattr(gates, "PATIENCE", 1e9)  # gates look in their task, on the rig's clock
        self.rig, self.api, self.user = rig, api, user
        self.blueprint = blueprint_of(rig)
        self.dag = build(self.blueprint)
        self.run_id = ""
        self._stored = in_airflow(self.dag)
        self.call("PATCH", f"/dags/{self.dag.dag_id}", {"is_paused": False})

    # What a person does, by Airflow's API

    def call(self, method: str, path: str, body: Any = None, wanted: int = 200) -> Any:
        answer = self.api.request(method, f"/api/v2{path}", json=body, headers=_token(self.user))
        assert answer.status_code == wanted, f"{method} {path}: {answer.status_code} {answer.text[:500]}"
        return answer.json() if answer.content else None

    @property
    def run_path(self) -> str:
        return f"/dags/{self.dag.dag_id}/dagRuns/{self.run_id}"

    def trigger(self, version: str, run_id: str | None = None, wanted: int = 200) -> str:
        """As :meth:`trigger_another`, and it is this run that the loop is about from now on."""
        self.run_id = self.trigger_another(version, run_id, wanted)
        return self.run_id

    def trigger_another(self, version: str, run_id: str | None = None, wanted: int = 200) -> str:
        chosen = run_id or f"test__{next(_numbers)}_{time.time_ns()}"
        body = {"dag_run_id": chosen, "logical_date": None, "conf": {"version": version, "reason": "a test"}}
        self.call("POST", f"/dags/{self.dag.dag_id}/dagRuns", body, wanted)
        return chosen

    def clear(self, task: str, *, downstream: bool = False) -> None:
        body = {
            "dry_run": False,
            "dag_run_id": self.run_id,
            "task_ids": [task],
            "only_failed": False,
            "reset_dag_runs": True,
            "include_downstream": downstream,
        }
        self.call("POST", f"/dags/{self.dag.dag_id}/clearTaskInstances", body)

    def clear_run(self) -> None:
        self.call("POST", f"{self.run_path}/clear", {"dry_run": False, "only_failed": False})

    def mark(self, task: str, state: str) -> None:
        self.call("PATCH", f"{self.run_path}/taskInstances/{task}", {"new_state": state})

    def mark_run(self, state: str) -> None:
        self.call("PATCH", self.run_path, {"state": state})

    def delete_run(self, wanted: int = 204) -> None:
        self.call("DELETE", self.run_path, wanted=wanted)

    def pause_dag(self, paused: bool) -> None:
        self.call("PATCH", f"/dags/{self.dag.dag_id}", {"is_paused": paused})

    # What is there

    @property
    def operation(self) -> str:
        return self.blueprint.operation(self.run_id)

    def view(self) -> OperationView | None:
        from tidegate.workflow.identity import read

        return read(self.rig.world, self.operation)

    def state(self) -> str:
        """Of the run in Airflow: ``running``, ``success`` …, ``deleted``."""
        from tidegate.workflow.runs import run_state

        return str(run_state(self.blueprint.request_id(self.run_id)))

    def tasks(self) -> dict[str, str]:
        with _session() as session:
            return {ti.task_id: str(ti.state) for ti in _instances(session, self.dag.dag_id, self.run_id)}

    # The scheduler

    def go(self, until: Callable[[], bool] = lambda: False) -> str:
        """Schedule and run tasks until ``until``, or until nothing more happens by itself. Returns the run's state."""
        from tidegate.workflow import worlds

        idle = 0
        with worlds.prepared(self.rig.world):
            for _ in range(WITHIN):
                if until() or idle > 3:
                    return self.state()
                idle = 0 if self._turn() else idle + 1
        raise AssertionError(f"the loop does not end: {self.tasks()}")

    def _turn(self) -> bool:
        """One pass: start the queued run, let triggers look, run one task. Whether anything happened."""
        before = self.tasks()
        ready = self._schedule()
        if ready is None:
            self.rig.clock.sleep(1.0)
            return self._triggers() or self.tasks() != before  # a failure reaches one task more at each pass
        self._run(ready)
        return True

    def _schedule(self) -> Any:
        from airflow.models.dag import DagModel
        from airflow.models.dagrun import DagRun
        from airflow.utils.state import DagRunState
        from sqlalchemy import select

        with _session() as session:
            model = session.get(DagModel, self.dag.dag_id)
            if model.is_paused:
                return None
            runs = session.scalars(select(DagRun).where(DagRun.dag_id == self.dag.dag_id).order_by(DagRun.id)).all()
            if not any(r.state == DagRunState.RUNNING for r in runs):
                for run in [r for r in runs if r.state == DagRunState.QUEUED][:1]:
                    run.state = DagRunState.RUNNING
                    run.start_date = run.start_date or run.queued_at
            session.commit()
            return next((ti for r in runs if r.state == DagRunState.RUNNING for ti in self._of(session, r)), None)

    def _of(self, session: Any, run: Any) -> Iterator[Any]:
        """Task instances that are to be run now."""
        from airflow.utils.state import TaskInstanceState

        run.dag = self._stored
        run.verify_integrity(dag_version_id=run.created_dag_version_id, session=session)
        for ti in _instances(session, run.dag_id, run.run_id):
            if ti.state == TaskInstanceState.UP_FOR_RETRY:
                ti.end_date = ti.end_date and ti.end_date.replace(year=2000)  # the pause before a retry is over
        session.flush()
        ready, _ = run.update_state(session=session, execute_callbacks=False)
        for ti in ready:
            ti.try_number += 1
            ti.state = TaskInstanceState.SCHEDULED
        session.commit()
        yield from (ti for ti in _instances(session, run.dag_id, run.run_id) if ti.state == TaskInstanceState.SCHEDULED)

    def _run(self, ti: Any) -> None:
        """As ``dag.test()`` runs a task; its end goes through Airflow's own execution API, which may refuse it."""
        from airflow.sdk.api.datamodels._generated import TaskInstance
        from airflow.sdk.execution_time.supervisor import run_task_in_process
        from airflow.utils.state import TaskInstanceState

        with _session() as session:
            self._find(session, ti).state = TaskInstanceState.QUEUED
        told = TaskInstance(
            id=ti.id,
            task_id=ti.task_id,
            dag_id=ti.dag_id,
            run_id=ti.run_id,
            try_number=ti.try_number,
            map_index=ti.map_index,
            dag_version_id=ti.dag_version_id,
        )
        try:
            run_task_in_process(ti=told, task=self.dag.task_dict[ti.task_id])
        except (Killed, Exception) as error:  # what the execution API answers to a task that is not its own any more
            self.refused = error
        self._ended(ti)

    def _ended(self, ti: Any) -> None:
        """What the scheduler makes of a process that is gone: cleared while it ran, it is tried again."""
        from airflow.utils.state import TaskInstanceState

        with _session() as session:
            found = self._find(session, ti)
            if found is not None and found.state in (TaskInstanceState.RESTARTING, TaskInstanceState.RUNNING):
                found.state = TaskInstanceState.UP_FOR_RETRY

    def _find(self, session: Any, ti: Any) -> Any:
        """By its names: a task that is cleared gets another id."""
        found = _instances(session, ti.dag_id, ti.run_id)
        return next((other for other in found if other.task_id == ti.task_id), None)

    def _triggers(self) -> bool:
        """Let each deferred task's trigger look once, as the triggerer does."""
        from airflow.models.trigger import Trigger, handle_event_submit
        from airflow.sdk._shared.module_loading import import_string
        from airflow.triggers.base import TriggerEvent
        from airflow.utils.state import TaskInstanceState

        happened = False
        with _session() as session:
            for ti in _instances(session, self.dag.dag_id, self.run_id):
                if ti.state != TaskInstanceState.DEFERRED or ti.trigger_id is None:
                    continue
                row = session.get(Trigger, ti.trigger_id)
                trigger = import_string(row.classpath)(**row.kwargs)
                seen = getattr(trigger, "look", getattr(trigger, "_look", None))()
                if seen is not None:
                    payload = {"why": seen} if isinstance(seen, str) else seen
                    handle_event_submit(TriggerEvent(payload), task_instance=ti, session=session)
                    happened = True
        return happened


def _instances(session: Any, dag_id: str, run_id: str) -> list[Any]:
    from airflow.models.taskinstance import TaskInstance
    from sqlalchemy import select

    query = select(TaskInstance).where(TaskInstance.dag_id == dag_id, TaskInstance.run_id == run_id)
    return list(session.scalars(query).all())


def forget_runs() -> None:
    """No run of an earlier test is in anybody's way."""
    from airflow.models.dagrun import DagRun
    from sqlalchemy import delete

    with _session() as session:
        session.execute(delete(DagRun))


def _session() -> Any:
    from airflow.utils.session import create_session

    return create_session(scoped=False)


def _token(user: str) -> Mapping[str, str]:
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    jwt = get_auth_manager().generate_jwt(SimpleAuthManagerUser(username=user, role="op"))
    return {"Authorization": f"Bearer {jwt}"}


def in_airflow(dag: Any) -> Any:
    """The DAG into the metadata database, as the DAG processor does. Returns it as the scheduler has it."""
    from airflow.models.dagbundle import DagBundleModel
    from airflow.models.serialized_dag import SerializedDagModel
    from airflow.serialization.definitions.dag import SerializedDAG
    from airflow.serialization.serialized_objects import DagSerialization, LazyDeserializedDAG

    lazy = LazyDeserializedDAG.from_dag(dag)
    with _session() as session:
        if session.get(DagBundleModel, BUNDLE) is None:
            session.add(DagBundleModel(name=BUNDLE))
            session.commit()
        SerializedDAG.bulk_write_to_db(BUNDLE, None, [lazy], session=session)
        session.commit()
        SerializedDagModel.write_dag(lazy, bundle_name=BUNDLE, session=session)
        session.commit()
    return DagSerialization.deserialize_dag(DagSerialization.serialize_dag(dag))
