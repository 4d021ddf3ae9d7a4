"""What Airflow says of a service's DAGs, through its REST API."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from tidegate.doctor.finding import Finding, missing, ok, warn
from tidegate.errors import TidegateError


class Airflow(Protocol):
    """As much of a session with Airflow as is needed here."""

    def dag(self, dag_id: str) -> Mapping[str, Any] | None:
        """The DAG with ``is_paused``, None if there is none. Raises a :class:`~tidegate.errors.TidegateError`."""
        ...


def dags(service: str, airflow: Airflow | None) -> Iterator[Finding]:
    """``airflow`` None: nobody said where it is, or who asks."""
    if airflow is None:
        mend = "TIDEGATE_AIRFLOW_URL=http://127.0.0.1:8080, and TIDEGATE_AIRFLOW_USER and _PASSWORD"
        yield warn("airflow", f"{service}: not asked", "whether its DAGs are there is not known", mend)
        return
    try:
        found = {name: airflow.dag(name) for name in (f"rollback__{service}", f"promote__{service}")}
    except TidegateError as error:
        mend = error.next_step or "see that the API server runs, and TIDEGATE_AIRFLOW_URL"
        yield missing("airflow", error.message, "no DAG runs; the CLI does: tidegate break-glass", mend)
        return
    for name, dag in found.items():
        yield _dag(name, dag)


def _dag(name: str, dag: Mapping[str, Any] | None) -> Finding:
    if dag is None:
        return missing(
            "airflow", f"{name} is not there", "nobody can trigger it", "tidegate lint; then the DAG processor's log"
        )
    if dag.get("is_paused") and name.startswith("rollback__"):
        why = "its trigger is the standing guard: no weight grows, nobody stops a loss"
        return missing("airflow", f"{name} is paused", why, f"airflow dags unpause {name}")
    if dag.get("is_paused"):
        return warn("airflow", f"{name} is paused", "its runs wait until it is not", f"airflow dags unpause {name}")
    return ok("airflow", f"{name} is there and not paused")
