"""Tidegate's pages inside Airflow: who may read what is Airflow's to say."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING

from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_dag
from starlette.requests import Request

from tidegate.journal.settings import HOME, journal_url
from tidegate.journal.store import Journal
from tidegate.model.operation import OperationKind
from tidegate.policy.places import home
from tidegate.ui.app import create_app
from tidegate.workflow.identity import dag_id

if TYPE_CHECKING:
    from fastapi import FastAPI


def application() -> FastAPI:
    """What the plugin mounts."""
    return create_app(_journal, may_read)


def may_read(request: Request, user: GetUserDep) -> None:
    """Whoever may read the DAG's runs may read their operations. 401 without a user, 403 without the permission."""
    service, operation = request.path_params["service"], request.path_params["operation"]
    requires_access_dag("GET", param_dag_id=_dag_of(service, operation))(request, user)


def _dag_of(service: str, operation: str) -> str:
    kind = operation.removeprefix(f"{service}-").rpartition("-")[0]
    return dag_id(OperationKind.ROLLBACK if kind == OperationKind.ROLLBACK.value else OperationKind.PROMOTION, service)


@cache
def _journal() -> Journal:
    return Journal(journal_url({**os.environ, HOME: str(home())}), read_only=True)
