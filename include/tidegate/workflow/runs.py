"""What Airflow's metadata database says of an operation's run. For the API server: tasks have no access to it."""

from __future__ import annotations

from airflow.models.dagrun import DagRun
from airflow.utils.session import create_session
from sqlalchemy import select

DELETED = "deleted"


def run_state(request_id: str) -> str | None:
    """``queued``, ``running``, ``success``, ``failed`` or ``deleted``; None for one that Airflow did not begin.

    ``request_id``: of the operation, ``<dag id>/<run id>``.
    """
    dag_id, _, run_id = request_id.partition("/")
    if not run_id or "__" not in dag_id:
        return None
    with create_session() as session:
        state = session.scalar(select(DagRun.state).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id))
    return str(getattr(state, "value", state)) if state else DELETED
