"""Who may use Tidegate's pages inside Airflow: Airflow says who somebody is and whether they may touch the DAG, the
policy's roles say what they are to the service. Both have to say yes.

Dependencies of FastAPI for routes with ``service`` and perhaps ``operation``, or ``dag_id``, in their path. They answer
401 without a user, 403 without the permission, 404 for a service that has no policy, and give the user's name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from airflow.api_fastapi.auth.managers.base_auth_manager import ResourceMethod
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_dag
from starlette.exceptions import HTTPException
from starlette.requests import Request

from tidegate.engine.permission import may as policy_lets
from tidegate.engine.permission import permit
from tidegate.errors import Forbidden, Refused
from tidegate.model.operation import GOOD_END, OperationKind
from tidegate.model.roles import Action
from tidegate.workflow.identity import dag_id
from tidegate.workflow.pages import service_of
from tidegate.workflow.worlds import policy_of

Allowed = Callable[[Request, GetUserDep], str]

# What Airflow must allow on the operation's DAG: the same that its own API asks for the same deed.
_ASKED: Mapping[Action, tuple[ResourceMethod, DagAccessEntity | None]] = {
    Action.READ: ("GET", None),
    Action.REQUEST: ("POST", DagAccessEntity.RUN),
    Action.CONTROL: ("PUT", DagAccessEntity.RUN),
    Action.APPROVE: ("PUT", DagAccessEntity.HITL_DETAIL),
    Action.ADOPT: ("POST", DagAccessEntity.RUN),
    Action.AUDIT: ("GET", DagAccessEntity.AUDIT_LOG),
}


def may(action: Action) -> Allowed:
    """The dependency for one action."""

    def allowed(request: Request, user: GetUserDep) -> str:
        name, dag = str(user.get_name()), request.path_params.get("dag_id", "")
        service = request.path_params.get("service") or service_of(dag)
        if (
            service is None
        ):  # about all services, each of which is asked about with `sees`; or a DAG that is none of ours
            requires_access_dag(*_ASKED[action])(request, user)
            return name
        dag = dag or _dag_of(service, request.path_params.get("operation", ""))
        requires_access_dag(*_ASKED[action], dag)(request, user)
        _policy_says(service, name, action)
        return name

    return allowed


may_read: Allowed = may(Action.READ)


def sees(request: Request, user: GetUserDep) -> Callable[[str], bool]:
    """A dependency for pages about several services: which of them this user may read."""

    def one(service: str) -> bool:
        try:
            requires_access_dag("GET", None, dag_id(OperationKind.PROMOTION, service))(request, user)
            return policy_lets(policy_of(service), str(user.get_name()), Action.READ)
        except (HTTPException, Refused):
            return False

    return one


def _policy_says(service: str, person: str, action: Action) -> None:
    try:
        permit(policy_of(service), person, action)
    except Forbidden as error:
        raise HTTPException(403, str(error)) from None
    except Refused as error:
        raise HTTPException(404, str(error)) from None


def _dag_of(service: str, operation: str) -> str:
    kind = operation.removeprefix(f"{service}-").rpartition("-")[0]
    known = {one.value: one for one in GOOD_END}
    return dag_id(known.get(kind, OperationKind.PROMOTION), service)
