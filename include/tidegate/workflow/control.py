"""``control__<service>``: pause, resume or abort the service's open operation, in the name of whoever triggers it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, BaseOperator

from tidegate.engine import control
from tidegate.engine.view import OperationView
from tidegate.engine.world import World
from tidegate.errors import Refused, TidegateError
from tidegate.policy.load import Loaded
from tidegate.workflow.identity import actor, read, requester
from tidegate.workflow.params import control_params
from tidegate.workflow.retries import DELAY, RETRIES, retry_policy
from tidegate.workflow.worlds import world_of

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
        tags={"tidegate", policy.service, "control"},
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
            world, person = world_of(self.loaded), requester(context)
            operation = self._meant(world, context)
            act = ACTIONS[context["params"]["action"]]
            said = act(world, operation, person, context["params"]["reason"], actor(context))
        except TidegateError as error:
            self.log.error("%s. Did anything change? %s.", error.message, error.changed)
            self.log.error("What next? %s.", error.next_step or "look at the operation's page")
            raise
        for line in said:
            self.log.info("%s", line)

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


def _pause(world: World, operation: str, person: str, reason: str, who: str) -> Said:
    view = control.pause(world, operation, person=person, reason=reason, actor=who)
    assert view.held is not None
    return [
        f"{operation} is paused by {view.held.person}: {view.held.why}.",
        "Did anything change? No: weights stand still. Is it safe? The guard watches on and may stop the loss.",
        "What next? Trigger this again with resume, or abort.",
    ]


def _resume(world: World, operation: str, person: str, reason: str, who: str) -> Said:
    control.resume(world, operation, person=person, reason=reason, actor=who)
    return [f"{operation} is not paused: its tasks go on within seconds.", "Did anything change? No."]


def _abort(world: World, operation: str, person: str, reason: str, who: str) -> Said:
    view: OperationView = control.abort(world, operation, person=person, reason=reason, actor=who)
    return aborted(view, control.make_safe(world, operation, actor=who))


def aborted(view: OperationView, safe: control.MadeSafe) -> Said:
    """What an abort came to, in words."""
    return [
        f"{view.id} is on its way back: {view.why_back}.",
        f"Is it safe? {'Yes' if safe.done else 'Not yet'}: {safe.detail}",
        "What next? Its own run carries the way back on; the operation's page shows whether it does.",
    ]


ACTIONS: Mapping[str, Callable[[World, str, str, str, str], Said]] = {
    "pause": _pause,
    "resume": _resume,
    "abort": _abort,
}
