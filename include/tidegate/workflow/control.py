"""``control__<service>``: pause, resume or abort the service's open operation, in the name of whoever triggers it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, BaseOperator

from tidegate.engine import control
from tidegate.engine.carriers import Carried
from tidegate.engine.view import OperationView
from tidegate.engine.world import World
from tidegate.errors import Refused, TidegateError
from tidegate.journal.model import EventKind
from tidegate.model.operation import OperationState
from tidegate.policy.load import Loaded
from tidegate.workflow.identity import actor, read, requester, run_id
from tidegate.workflow.owner_tag import owner_tag
from tidegate.workflow.params import control_params
from tidegate.workflow.retries import DELAY, RETRIES, retry_policy
from tidegate.workflow.worlds import paper_world_of, world_of

if TYPE_CHECKING:
    from airflow.sdk import Context

RUNS = 4  # at once: an abort must not queue behind a pause that hangs on a journal which is away
_DOC = """\
**pause**: no step, gate or question goes on; weights stand still; the guard watches on and may stop the loss.
**resume**: lifts the pause. **abort**: the candidate's traffic is taken away at once, then the way back goes on.

Acts on the operation that is open now, in your name, and takes no lease: it runs beside the promotion. Without Airflow:
`tidegate pause | resume | abort <service> --by <name> --reason <why>`.
"""


def control_id(service: str) -> str:
    """``control__shop``."""
    return f"control__{service}"


def service_of_control(dag: str) -> str | None:
    """Inverse of :func:`control_id`, None for any other DAG."""
    word, _, service = dag.partition("__")
    return service or None if word == "control" else None


def order_id(dag: str, run: str) -> str:
    """How the journal names what a control run was asked for: the same at every try."""
    return f"{dag}/{run}"


def build_control(loaded: Loaded) -> DAG:
    """One task."""
    policy = loaded.policy
    dag = DAG(
        control_id(policy.service),
        description=f"Pause, resume or abort what is under way on {policy.service}",
        schedule=None,
        catchup=False,
        max_active_runs=RUNS,
        is_paused_upon_creation=False,
        params=control_params(),
        doc_md=_DOC,
        tags={"tidegate", policy.service, "control", owner_tag(policy.owners.rollback)},
        default_args={"owner": policy.owners.rollback, "retries": RETRIES, "retry_delay": DELAY},
        render_template_as_native_obj=False,
    )
    with dag:
        ControlOperator(loaded=loaded, task_id="control", retry_policy=retry_policy())
    return dag


class ControlOperator(BaseOperator):
    """Does what the form asks for, says what came of it, and leaves nothing in XCom."""

    template_fields = ()
    ui_color = "#f7dfd9"

    def __init__(self, *, loaded: Loaded, **kwargs: Any) -> None:
        super().__init__(do_xcom_push=False, **kwargs)
        self.loaded = loaded

    def execute(self, context: Context) -> None:
        try:
            said = self._done(context) or self._do(context)
        except TidegateError as error:
            self.log.error("%s. Did anything change? %s.", error.message, error.changed)
            self.log.error("What next? %s.", error.next_step or "look at the operation's page")
            raise
        for line in said:
            self.log.info("%s", line)

    def _do(self, context: Context) -> Said:
        paper, person = self._paper(), requester(context)
        hand = Hand(person, context["params"]["reason"], actor(context), self._order(context))
        return use(context["params"]["action"], paper, self._reach, self._meant(paper, context), hand)

    def _done(self, context: Context) -> Said:
        """What this very run has done before, when its task is tried again or cleared: it is not done twice."""
        paper = self._paper()
        row = control.row_of(paper, self._order(context).id)
        if row is None:
            return []
        assert row.operation is not None  # a control is always about one
        said = [f"Done already: {row.operation} was {_DONE[row.kind]} in the name of {row.body['person']}. No change."]
        view = read(paper, row.operation)
        if context["params"]["action"] != "abort" or view is None or view.state is OperationState.CLOSED:
            return said
        safe = control.make_safe_from(self._reach, row.operation, actor=actor(context))
        return [*said, *aborted(view, safe, control.carried(paper, row.operation, but=actor(context)))]

    def _order(self, context: Context) -> control.Order:
        asked = getattr(context["dag_run"], "run_after", None)
        dag = control_id(self.loaded.policy.service)
        return control.Order(order_id(dag, run_id(context)), asked.timestamp() if asked else math.inf)

    def _paper(self) -> World:
        world = paper_world_of(self.loaded)
        world.journal.migrate()
        return world

    def _reach(self) -> World:
        return world_of(self.loaded)

    def _meant(self, world: World, context: Context) -> str:
        """The open operation; but not one that was opened after the person had asked."""
        named = context["params"].get("operation")
        operation = control.the_open_operation(world, named)
        view = read(world, operation)
        asked = getattr(context["dag_run"], "run_after", None)
        if not named and view is not None and asked is not None and view.opened_at > asked.timestamp():
            raise Refused(
                f"{operation} was opened after this was asked for: it cannot have been meant",
                next_step=f"trigger {control_id(world.service)} anew if it is",
            )
        return operation


Said = list[str]
_DONE = {EventKind.HELD: "paused", EventKind.RESUMED: "resumed", EventKind.TURNED_BACK: "turned back"}


@dataclass(frozen=True)
class Hand:
    """Who uses a control, and why. ``order``: None where nothing repeats it."""

    person: str
    reason: str
    actor: str
    order: control.Order | None = None


def use(action: str, paper: World, reach: Callable[[], World], operation: str, hand: Hand) -> Said:
    """Use a control: the journal's row first, which takes no connection. ``reach``: for an abort, the real world."""
    by: dict[str, Any] = {"person": hand.person, "reason": hand.reason, "actor": hand.actor, "order": hand.order}
    if action != "abort":
        return ACTIONS[action](paper, operation, by)
    view = control.abort(paper, operation, **by)
    safe = control.make_safe_from(reach, operation, actor=hand.actor)
    return aborted(view, safe, control.carried(paper, operation, but=hand.actor))


def _pause(world: World, operation: str, by: Mapping[str, Any]) -> Said:
    view = control.pause(world, operation, **by)
    assert view.held is not None
    return [
        f"{operation} is paused by {view.held.person}: {view.held.why}.",
        "Did anything change? No: weights stand still. Is it safe? The guard watches on and may stop the loss.",
        "What next? Trigger this again with resume, or abort.",
    ]


def _resume(world: World, operation: str, by: Mapping[str, Any]) -> Said:
    control.resume(world, operation, **by)
    return [f"{operation} is not paused: its tasks go on within seconds.", "Did anything change? No."]


def aborted(view: OperationView, safe: control.MadeSafe, carried: Carried) -> Said:
    """What an abort came to, in words; and if nobody carries the way back on, what to do about it."""
    return [
        f"{view.id} is on its way back: {view.why_back}.",
        f"Is it safe? {'Yes' if safe.done else 'Not yet'}: {safe.detail}",
        carried.words,
        f"What next? {'; or '.join(carried.next) or 'Nothing: the operation page shows how the way back goes on'}.",
    ]


ACTIONS: Mapping[str, Callable[[World, str, Mapping[str, Any]], Said]] = {"pause": _pause, "resume": _resume}
