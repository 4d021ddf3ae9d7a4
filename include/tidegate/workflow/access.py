"""Who may read Tidegate's pages inside Airflow: that is Airflow's to say."""

from __future__ import annotations

from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_dag
from starlette.requests import Request

from tidegate.model.operation import OperationKind
from tidegate.workflow.identity import dag_id


def may_read(request: Request, user: GetUserDep) -> None:
    """A dependency of FastAPI: whoever may read the runs of the DAG may read its operations.

    Answers 401 without a user, 403 without the permission.
    """
    service, operation = request.path_params["service"], request.path_params["operation"]
    requires_access_dag("GET", param_dag_id=_dag_of(service, operation))(request, user)


def _dag_of(service: str, operation: str) -> str:
    kind = operation.removeprefix(f"{service}-").rpartition("-")[0]
    return dag_id(OperationKind.ROLLBACK if kind == OperationKind.ROLLBACK.value else OperationKind.PROMOTION, service)
