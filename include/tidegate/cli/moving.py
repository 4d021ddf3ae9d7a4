"""``tidegate switchover | failover | reprotect``: move a service between its regions, through Airflow or from here."""

from __future__ import annotations

import uuid
from enum import StrEnum
from typing import Annotated

import typer

from tidegate.cli.person import account
from tidegate.cli.requests import AsJson, By, Here, RequestId, Service, Timeout, Wait, ask
from tidegate.cli.service import find_policy, find_world
from tidegate.engine import partial
from tidegate.engine.view import OperationView
from tidegate.errors import Refused
from tidegate.model.operation import OperationKind
from tidegate.plan.failover import failover_plan
from tidegate.plan.model import Plan
from tidegate.plan.moving import can_move
from tidegate.plan.reprotect import reprotect_plan
from tidegate.plan.switchover import switchover_plan
from tidegate.policy.load import Loaded

PLANNERS = {
    OperationKind.SWITCHOVER: switchover_plan,
    OperationKind.FAILOVER: failover_plan,
    OperationKind.REPROTECT: reprotect_plan,
}


class Part(StrEnum):
    """What a failover may move alone."""

    DATABASE = partial.DATABASE


Only = Annotated[
    Part | None, typer.Option("--only", help="Only this is lost: traffic stays where it is, all else as well.")
]
Reason = Annotated[str, typer.Option("--reason", help="Why, for the journal.")]


def register(app: typer.Typer) -> None:
    for command in (switchover, failover, reprotect):
        app.command(command.__name__)(command)


def switchover(
    service: Service,
    to: Annotated[
        str, typer.Option("--to", help="The region to go to; the one that the policy calls primary is home.")
    ],
    reason: Reason,
    wait: Wait = False,
    request_id: RequestId = None,
    timeout: Timeout = None,
    as_json: AsJson = False,
    without_airflow: Here = False,
    by: By = None,
) -> None:
    """Move the service to its other region as planned, losing nothing; also the way home.

    Needs TIDEGATE_AIRFLOW_URL, and _USER and _PASSWORD or _TOKEN; or --without-airflow.
    """
    kind = OperationKind.SWITCHOVER
    if without_airflow:
        return move_here(service, kind, to, by, reason, request_id)
    ask(service, kind, {"target": to, "reason": reason}, request_id, wait, timeout, as_json)


def failover(
    service: Service,
    reason: Reason,
    to: Annotated[
        str | None, typer.Option("--to", help="The region that takes over; by default the other one.")
    ] = None,
    only: Only = None,
    wait: Wait = False,
    request_id: RequestId = None,
    timeout: Timeout = None,
    as_json: AsJson = False,
    without_airflow: Here = False,
    by: By = None,
) -> None:
    """A region is lost: the other one takes over, at once from whatever is under way. People are asked unless it is
    proved that nothing is lost. The same variables as for switchover."""
    kind, part = OperationKind.FAILOVER, only.value if only else ""
    if without_airflow:
        return move_here(service, kind, to, by, reason, request_id, part)
    conf = {"target": to, "reason": reason, **({"only": part} if part else {})}
    ask(service, kind, conf, request_id, wait, timeout, as_json)


def reprotect(
    service: Service,
    reason: Reason,
    wait: Wait = False,
    request_id: RequestId = None,
    timeout: Timeout = None,
    as_json: AsJson = False,
    without_airflow: Here = False,
    by: By = None,
) -> None:
    """The region that was lost is back: its database follows, its release runs, what was left undone is made up for.
    The same variables as for switchover."""
    kind = OperationKind.REPROTECT
    if without_airflow:
        return move_here(service, kind, None, by, reason, request_id)
    ask(service, kind, {"reason": reason}, request_id, wait, timeout, as_json)


def plan_of(loaded: Loaded, kind: OperationKind) -> Plan:
    """Raises :class:`Refused` where the policy does not say how the service moves."""
    if not can_move(loaded.policy):
        raise Refused(
            f"the policy of {loaded.policy.service} has no failover, so there is no {kind.value}",
            next_step="add failover: {approval: {from: […], quorum: 2, within: 15m}} and look: tidegate lint",
        )
    return PLANNERS[kind](loaded.policy, loaded.digest)


def move_here(
    service: str,
    kind: OperationKind,
    to: str | None,
    by: str | None,
    reason: str,
    request_id: str | None,
    only: str = "",
) -> None:
    """Open it and carry it to its end in this process; exits with how it ended."""
    from tidegate.cli.from_here import carry_out
    from tidegate.engine.open import Request

    plan, world = plan_of(find_policy(service), kind), find_world(service)
    request = Request(kind, request_id or str(uuid.uuid4()), by or account(), reason, to, only=only)
    carry_out(world, request, plan, _told)


def _told(view: OperationView) -> str:
    only = f", only the {view.binding.only}" if view.binding.only else ""
    return f"{view.binding.source} -> {view.binding.target}{only}"
