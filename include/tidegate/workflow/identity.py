"""Who is who between Airflow and the journal: DAG ids, operations, requesters, actors."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tidegate.engine.permission import GUARD
from tidegate.engine.view import OperationView, fold_operation
from tidegate.engine.world import World
from tidegate.errors import Refused
from tidegate.model.operation import OperationKind, dag_id, kind_of, operation_id
from tidegate.plan.model import Plan
from tidegate.policy.load import Loaded

if TYPE_CHECKING:
    from airflow.sdk import Context

ASSET_TRIGGERED = "asset_triggered"
__all__ = ["GUARD", "Blueprint", "actor", "dag_id", "kind_of", "read", "requester", "run_id", "same_plan"]


@dataclass(frozen=True)
class Blueprint:
    """What a DAG was built from; every task of it holds the same one. ``digest``: of the plan."""

    loaded: Loaded = field(repr=False)
    plan: Plan = field(repr=False)
    digest: str

    @classmethod
    def of(cls, loaded: Loaded, plan: Plan) -> Blueprint:
        return cls(loaded, plan, plan.digest)

    @property
    def service(self) -> str:
        return self.plan.service

    @property
    def kind(self) -> OperationKind:
        return self.plan.kind

    def operation(self, run_id: str) -> str:
        """The operation that a run of this DAG is: the same however often it is asked, so no task needs to be told."""
        return operation_id(self.service, self.kind, self.request_id(run_id))

    def request_id(self, run_id: str) -> str:
        return f"{dag_id(self.kind, self.service)}/{run_id}"


def run_id(context: Context) -> str:
    return str(context["run_id"])


def requester(context: Context) -> str:
    """Who triggered the run, or ``guard`` if an event did. Raises :class:`Refused` if no name is known, or the guard's
    is borrowed."""
    run = context["dag_run"]
    if str(getattr(run.run_type, "value", run.run_type)) == ASSET_TRIGGERED:
        return GUARD
    name = getattr(run, "triggering_user_name", None)
    if not name:
        raise Refused("nobody's name is on this run", next_step="trigger it as a named user, from the UI or the API")
    if name == GUARD:
        raise Refused(f"{GUARD!r} is the standing guard's own name", next_step="trigger it as yourself")
    return str(name)


def actor(context: Context) -> str:
    """How the journal names this task: DAG, task and try."""
    task = context["ti"]
    return f"airflow {task.dag_id} {task.task_id} try {task.try_number}"[:200]


def read(world: World, operation: str) -> OperationView | None:
    """The operation as the journal has it now, None if it was never opened."""
    return fold_operation(world.journal.events(world.service, operation=operation))


def same_plan(view: OperationView, blueprint: Blueprint) -> None:
    """Raises :class:`Refused` if the DAG was built from another plan than the operation runs: editing a DAG or a policy
    in mid-run must change nothing (the bound plan is the authority)."""
    if view.plan_digest == blueprint.digest:
        return
    raise Refused(
        f"this DAG was built from plan {blueprint.digest}, operation {view.id} runs plan {view.plan_digest}: "
        "the policy was changed while it ran. Held before any effect",
        next_step=f"put the policy back and clear this task, or carry on without Airflow: "
        f"tidegate break-glass {view.service} {view.id} --by <name> --reason <why>",
    )
