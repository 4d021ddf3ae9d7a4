"""A real Airflow API server over the memory estate: what is asked for comes through its REST API; the test is the
scheduler, and carries the operation out on the rig."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.support.airflow_home import ROOT
from tests.support.estate import Rig
from tests.support.operations import open_promotion
from tidegate.engine.view import OperationView

WITHIN = 60.0  # seconds; generous


def until(look: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + WITHIN
    while not (found := look()):
        assert time.monotonic() < deadline, f"not within {WITHIN:g} s: {what}"
        time.sleep(0.02)
    return found


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@dataclass
class Served:
    """An application on a loopback port, in a thread; it can go and come back."""

    app: Any
    port: int
    _server: Any = None
    _thread: threading.Thread | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        import uvicorn

        config = uvicorn.Config(
            self.app, host="127.0.0.1", port=self.port, log_level="error", lifespan="off", timeout_graceful_shutdown=1
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        until(lambda: self._server.started, "the server's start")

    def stop(self) -> None:
        if self._thread is not None:
            self._server.should_exit = True
            self._thread.join(WITHIN)
            self._thread = None


def enter_dags() -> None:
    """The repository's DAGs, into the metadata database, as the DAG processor does."""
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.dag_processing.dagbag import BundleDagBag, sync_bag_to_db

    DagBundlesManager().sync_bundles_to_db()
    bag = BundleDagBag(str(ROOT / "dags"), bundle_path=ROOT / "dags", bundle_name="dags-folder")
    assert bag.import_errors == {}
    sync_bag_to_db(bag, "dags-folder", None)


def token(name: str, role: str | None) -> str:
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    return str(get_auth_manager().generate_jwt(SimpleAuthManagerUser(username=name, role=role)))


def set_run(run_id: str, state: str, tasks: Mapping[str, str] | None = None) -> None:
    """What the scheduler would have written. ``tasks``: task id -> state; all others get the run's own."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        run = session.scalars(select(DagRun).where(DagRun.run_id == run_id)).one()
        run.state = state
        for task in run.task_instances:
            task.state = (tasks or {}).get(task.task_id, state if state in ("success", "failed") else None)


def set_paused(dag_id: str, paused: bool) -> None:
    from airflow.models.dag import DagModel
    from airflow.utils.session import create_session

    with create_session() as session:
        session.get_one(DagModel, dag_id).is_paused = paused


def opened(rig: Rig, version: str, request_id: str) -> OperationView:
    """What the run's first task does."""
    return open_promotion(rig, version, f"promote__shop/request__{request_id}")
