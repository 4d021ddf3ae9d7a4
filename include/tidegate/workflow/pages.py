"""What the pages ask of Airflow's side: which services there are, which operation a run is, and to use a control."""

from __future__ import annotations

from tidegate.model.operation import OperationKind, operation_id
from tidegate.workflow.identity import kind_of
from tidegate.workflow.worlds import known_policies


def services() -> dict[str, str]:
    """Service -> why its policy is an older one, empty if it is as it stands on disk."""
    return {p.policy.service: f"{p.error}" if p.error else "" for p in known_policies()}


def service_of(dag_id: str) -> str | None:
    """The service that a DAG is of, None if it is none of ours."""
    return dag_id.partition("__")[2] if kind_of(dag_id) else None


def operation_of(dag_id: str, run_id: str) -> str | None:
    """The operation that a run is, whether it has been opened yet or not."""
    kind, service = kind_of(dag_id), service_of(dag_id)
    return operation_id(service, OperationKind(kind), f"{dag_id}/{run_id}") if kind and service else None
