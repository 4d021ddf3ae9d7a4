"""What the pages ask of Airflow's side: which services there are, which operation a run is, and to use a control."""

from __future__ import annotations

import logging

from sqlalchemy.exc import SQLAlchemyError

from tidegate.engine.control import row_of
from tidegate.journal.model import EventKind
from tidegate.model.operation import OperationKind, operation_id
from tidegate.model.operation import service_of as chain_service
from tidegate.policy.people import Owners
from tidegate.workflow import runs
from tidegate.workflow.bind import CARRIED_AS
from tidegate.workflow.control import Hand, order_id, service_of_control, use
from tidegate.workflow.identity import kind_of
from tidegate.workflow.readiness import service_of_readiness
from tidegate.workflow.worlds import known_policies, paper_world, world_for

log = logging.getLogger(__name__)


def services() -> dict[str, str]:
    """Service -> why its policy is an older one, empty if it is as it stands on disk."""
    return {p.policy.service: f"{p.error}" if p.error else "" for p in known_policies()}


def owners(service: str) -> Owners | None:
    """Who answers for it, as its policy says now; None without one."""
    chain = chain_service(service)
    return next((p.policy.owners for p in known_policies() if p.policy.service == chain), None)


def service_of(dag_id: str) -> str | None:
    """The service that a DAG is of, None if it is none of ours."""
    return dag_id.partition("__")[2] if kind_of(dag_id) else service_of_control(dag_id) or service_of_readiness(dag_id)


def operation_of(dag_id: str, run_id: str) -> str | None:
    """The operation that a run is, whether it has been opened yet or not; of a control's run, the one that it acted
    on, None if it has changed none."""
    if controlled := service_of_control(dag_id):
        row = row_of(paper_world(controlled), order_id(dag_id, run_id))
        return row.operation if row else None
    if service_of_readiness(dag_id):
        return None
    kind, service = kind_of(dag_id), service_of(dag_id)
    if not kind or not service:
        return None
    named = operation_id(service, OperationKind(kind), f"{dag_id}/{run_id}")
    return _carried_as(service, named) if kind == OperationKind.FAILOVER else named


def _carried_as(service: str, named: str) -> str:
    """A failover that an event has started is known by the loss."""
    notes = paper_world(service).journal.events(service, operation=named, kinds={EventKind.NOTE})
    return next((str(row.body["why"]) for row in notes if row.body["what"] == CARRIED_AS), named)


def run_state(request_id: str) -> str | None:
    """What Airflow says of the operation's run; None if it has none, or if the metadata database is away: the page
    is needed most when something is."""
    try:
        return runs.run_state(request_id)
    except SQLAlchemyError as error:
        log.warning("Airflow cannot be asked for the state of %s: %s", request_id, error)
        return None


def control(action: str, service: str, operation: str, person: str, reason: str) -> str:
    """Use a control in the person's name. What happened, in words."""
    hand = Hand(person, reason, f"page of {service}")
    return "\n".join(use(action, paper_world(service), lambda: world_for(service), operation, hand))
