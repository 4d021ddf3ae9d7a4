"""What every task that stands for a node of the plan has in common."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from tidegate.engine import carriers
from tidegate.engine.tracing import trace_id
from tidegate.engine.unneeded import record_unneeded
from tidegate.engine.view import OperationView
from tidegate.engine.world import World
from tidegate.errors import Changed, Paused, Refused, TidegateError
from tidegate.plan.model import Phase
from tidegate.redaction import cleansed
from tidegate.workflow.detection import operation_of
from tidegate.workflow.hold_trigger import HoldTrigger
from tidegate.workflow.identity import Blueprint, actor, read, same_plan
from tidegate.workflow.links import ReportLink
from tidegate.workflow.skipping import nodes_behind, skip
from tidegate.workflow.worlds import world_of

if TYPE_CHECKING:
    from airflow.sdk import Context

_ANSWERS = {
    Changed.NO: "No",
    Changed.YES: "Yes, and it has not settled",
    Changed.UNKNOWN: "Not known: look before doing anything else",
}


class NodeOperator(BaseOperator):
    """A task for one node. ``blueprint``: what its DAG was built from. Nothing here is a template."""

    template_fields = ()
    operator_extra_links = (ReportLink(),)

    def __init__(self, *, blueprint: Blueprint, node: str, **kwargs: Any) -> None:
        super().__init__(**{"do_xcom_push": False, **kwargs})
        self.blueprint = blueprint
        self.node = node

    @property
    def phase(self) -> Phase:
        return self.blueprint.plan.node(self.node)[0].phase

    def enter(self, context: Context) -> tuple[World, OperationView]:
        """The world, and the operation if this node has anything to do with one.

        Raises :class:`Refused` if a forward node has no operation, or if the operation runs another plan; Airflow's
        signal to skip the rest on a way back from an operation that was never opened.
        """
        world = world_of(self.blueprint.loaded)
        operation = operation_of(self.blueprint, context)
        view = read(world, operation)
        if view is None and self.phase is Phase.FORWARD:
            raise Refused(
                f"no operation was opened for this run ({operation})",
                next_step="clear the task bind; marking it green opens nothing",
            )
        if view is None:
            self.log.info("Nothing to do: no operation was opened, so there is nothing to go back from.")
            skip(nodes_behind(self.blueprint.plan, self.node))
        same_plan(view, self.blueprint)
        self.log.info("Operation %s, node %s, plan %s", operation, self.node, view.plan_digest)
        self.log.info("Trace %s", trace_id(view))
        carriers.sign(world, operation, who=actor(context), node=self.node, ttl=carriers.STEP_TTL)
        return world, view

    def after_hold(self, context: Context, event: dict[str, Any]) -> None:
        """The pause is over, or the operation is on its way back: the journal says which."""
        self.log.info("Going on: %s", event["why"])
        self.execute(context)

    def skip_unneeded(self, world: World, operation: str, who: str) -> None:
        """Last thing of a task whose node is settled: what turns out not to be needed behind it costs no task. Each
        such node is in the journal with its reason; its task is skipped, and may be cleared: it says so again.

        Raises Airflow's signal to skip them, with which this task succeeds.
        """
        unneeded = record_unneeded(world, operation, self.node, actor=who)
        if unneeded:
            self.log.info("Not needed, and skipped: %s", ", ".join(node.id for node in unneeded))
            skip(unneeded)

    @contextmanager
    def telling(self, context: Context) -> Iterator[None]:
        """Say what an error means to whoever reads the log, before it is raised. A pause is waited out in the
        triggerer, however long it lasts."""
        try:
            with cleansed():  # a vendor's exception may quote an address with its password
                yield
        except Paused as paused:
            self.log.info("Waiting in the triggerer: %s. Did anything change? No.", paused.message)
            operation = operation_of(self.blueprint, context)
            self.defer(trigger=HoldTrigger(self.blueprint.service, operation, self.node), method_name="after_hold")
        except TidegateError as error:
            self.log.error("%s: %s", type(error).__name__, error.message)
            self.log.error("Did anything change? %s.", _ANSWERS[error.changed])
            self.log.error("What next? %s.", error.next_step or "read the report of this operation")
            raise
