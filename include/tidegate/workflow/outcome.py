"""The last task: the run is as green as the operation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException

from tidegate.engine.close import close_operation
from tidegate.engine.telling import last_words
from tidegate.engine.view import OperationView
from tidegate.engine.world import World
from tidegate.errors import LeaseLost, NotYet
from tidegate.journal.model import EventKind
from tidegate.model.operation import GOOD_END, Outcome
from tidegate.workflow.bind import NOTHING
from tidegate.workflow.detection import operation_of
from tidegate.workflow.identity import Blueprint, actor, read, run_id
from tidegate.workflow.links import ReportLink
from tidegate.workflow.worlds import world_of

if TYPE_CHECKING:
    from airflow.sdk import Context


class OutcomeOperator(BaseOperator):
    """Closes the operation, and succeeds only if it ended as it was meant to."""

    template_fields = ()
    ui_color = "#dcefe4"
    operator_extra_links = (ReportLink(),)

    def __init__(self, *, blueprint: Blueprint, **kwargs: Any) -> None:
        super().__init__(do_xcom_push=False, **kwargs)
        self.blueprint = blueprint

    def execute(self, context: Context) -> None:
        world = world_of(self.blueprint.loaded)
        operation, named = operation_of(self.blueprint, context), self.blueprint.operation(run_id(context))
        if read(world, operation) is None or (named != operation and _nothing(world, named)):
            self._without(world, named)
            return
        try:
            view = close_operation(world, operation, actor=actor(context))
        except (NotYet, LeaseLost) as error:
            raise AirflowFailException(f"The operation is still open. {error}") from None
        last_words()  # the operation is over: nothing waits for this
        self._tell(view, _why(world, view))

    def _without(self, world: World, operation: str) -> None:
        notes = world.journal.events(world.service, operation=operation, kinds={EventKind.NOTE})
        last = notes[-1].body if notes else {"what": "", "why": "the task bind opened no operation: see its log"}
        if last["what"] != NOTHING:
            raise AirflowFailException(f"Refused before any effect. {last['why']}")
        self.log.info("Nothing to do: %s", last["why"])

    def _tell(self, view: OperationView, why: str) -> None:
        rung = f" at the rung {view.stopped_at}" if view.outcome is Outcome.ROLLED_BACK and view.stopped_at else ""
        text = f"{str(view.outcome).replace('_', ' ')}{rung}: {why}"
        if view.outcome is not GOOD_END[view.kind]:
            changed = "Yes, and it was taken back" if view.touched else "No"
            raise AirflowFailException(f"{text}. Did anything change? {changed}.")
        self.log.info("%s", text)
        self.log.info("Did anything change? Yes, as it was meant to. Is it safe? Yes.")


def _nothing(world: World, named: str) -> bool:
    """Whether the run had nothing to begin, although the operation that its event names is there."""
    notes = world.journal.events(world.service, operation=named, kinds={EventKind.NOTE})
    return bool(notes) and notes[-1].body["what"] == NOTHING


def _why(world: World, view: OperationView) -> str:
    closed = world.journal.events(world.service, operation=view.id, kinds={EventKind.OPERATION_CLOSED})
    return str(closed[-1].body.get("why", ""))
