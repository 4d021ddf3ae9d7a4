"""The tasks of a group's DAG. Each of a member's carries what the journal lets it: it begins the member's own DAG run,
waits in the triggerer until the journal says how that ended, and says so in the group's chain.

Nothing of a service is done here. That a task is green means that its member is there; marking it green moves nobody.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from tidegate.engine.group_run import request_reason
from tidegate.engine.group_view import GroupView, Leg, Part
from tidegate.engine.groups import (
    DONE,
    MOVED,
    GroupRequest,
    begin_member,
    end_member,
    group_operation,
    member_stuck,
    open_group,
    read_group,
)
from tidegate.engine.view import fold_operation
from tidegate.errors import Refused, TidegateError
from tidegate.journal.model import EventKind
from tidegate.journal.store import Journal
from tidegate.model.operation import GOOD_END, OperationKind, OperationState, dag_id, group_chain, group_dag_id
from tidegate.plan.group import Stands
from tidegate.policy.groups import Group
from tidegate.workflow.bind import REFUSED
from tidegate.workflow.group_trigger import GroupTrigger
from tidegate.workflow.identity import actor, requester, run_id
from tidegate.workflow.worlds import paper_world, policy_of

if TYPE_CHECKING:
    from airflow.sdk import Context

RUNS = frozenset({"queued", "running"})  # states of a run that goes on by itself


@dataclass(frozen=True)
class GroupBlueprint:
    """What a group's DAG was built from; every task of it holds the same one."""

    group: Group = field(repr=False)
    kind: OperationKind

    @property
    def dag_id(self) -> str:
        return group_dag_id(self.kind, self.group.group)

    @property
    def journal(self) -> Journal:
        journal = paper_world(next(iter(self.group.services))).journal
        journal.migrate()
        return journal

    def request(self, context: Context) -> GroupRequest:
        """The same run is the same request, however often it is asked."""
        params = context["params"]
        who, why = requester(context), params.get("reason") or "no reason was given"
        return GroupRequest(self.kind, f"{self.dag_id}/{run_id(context)}", who, why, params.get("target"))

    def operation(self, context: Context) -> str:
        request = GroupRequest(self.kind, f"{self.dag_id}/{run_id(context)}", "", "")
        return group_operation(self.group.group, request)


class GroupOperator(BaseOperator):
    """A task of a group's DAG. Nothing here is a template."""

    template_fields = ()

    def __init__(self, *, blueprint: GroupBlueprint, **kwargs: Any) -> None:
        super().__init__(**{"do_xcom_push": False, **kwargs})
        self.blueprint = blueprint

    def read(self, context: Context) -> GroupView | None:
        """The operation of this run, None if it was never opened."""
        journal, operation = self.blueprint.journal, self.blueprint.operation(context)
        chain = group_chain(self.blueprint.group.group)
        if not journal.events(chain, operation=operation, kinds={EventKind.GROUP_OPENED}):
            return None
        return read_group(journal, self.blueprint.group.group, operation)


class GroupOpenOperator(GroupOperator):
    """Opens the group's operation, or finds it opened by an earlier try."""

    ui_color = "#dcefe4"

    def execute(self, context: Context) -> None:
        blueprint = self.blueprint
        policies = {name: policy_of(name) for name in blueprint.group.services}
        try:
            view = open_group(
                blueprint.journal, blueprint.group, policies, blueprint.request(context), actor=actor(context)
            )
        except TidegateError as error:
            self.log.error("%s: %s", type(error).__name__, error.message)
            self.log.error("Did anything change? No. What next? %s.", error.next_step or "see the message above")
            raise
        self.log.info("Operation %s of the group, requested by %s: %s", view.id, view.requester, view.reason)
        self.log.info("Look at it: tidegate status --group %s", view.group)


class GroupMemberOperator(GroupOperator):
    """One member's moves in one order: ``in_reverse``, or what is needed first. It ends when its member is where the
    group is going or was left out; it is skipped while the group is heading the other way."""

    ui_color = "#e2e8f5"

    def __init__(self, *, member: str, in_reverse: bool, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.member = member
        self.in_reverse = in_reverse

    def execute(self, context: Context) -> None:
        while True:
            view = self.read(context)
            if view is None or self.member not in view.shape.names:
                raise AirflowSkipException("it takes no part in this operation")
            if view.in_reverse is not self.in_reverse:
                raise AirflowSkipException("the group is heading the other way")
            word = view.standing(self.member).word
            if word in (Stands.SETTLED, Stands.LEFT_OUT) or view.closed:
                self.log.info("%s: %s.", self.member, word.value.replace("_", " "))
                return
            if not self._forward(view, word, context):
                self._wait(view)

    def again(self, context: Context, event: dict[str, Any]) -> None:
        """Something has changed in the journal, or it is time to look at the run."""
        self.log.info("Looking again: %s", event["why"])
        self.execute(context)

    def _forward(self, view: GroupView, word: Stands, context: Context) -> bool:
        """Whether a row was written, so that it is worth looking anew."""
        journal, who = self.blueprint.journal, actor(context)
        if word is Stands.NEXT:
            try:
                begin_member(journal, view.group, view.id, self.member, actor=who)
            except Refused as error:  # somebody has decided otherwise since
                self.log.info("%s", error.message)
            return True
        leg = view.leg(self.member)
        if word not in (Stands.MOVING, Stands.STUCK) or leg is None:
            return False
        return self._looked_at(view, leg, context)

    def _looked_at(self, view: GroupView, leg: Leg, context: Context) -> bool:
        journal, who = self.blueprint.journal, actor(context)
        for part in leg.parts:
            found = fold_operation(journal.events(part.service, operation=part.operation))
            if found is None or found.state is not OperationState.CLOSED:
                return self._run_of(view, leg, part, context, is_open=found is not None)
            good, why = found.outcome is GOOD_END[part.kind], f"{found.outcome}: {found.why_back}".rstrip(": ")
            if not good:
                break
        end_member(journal, view.group, view.id, self.member, leg, good=good, why=why, actor=who)
        return True

    def _run_of(self, view: GroupView, leg: Leg, part: Part, context: Context, *, is_open: bool) -> bool:
        """The part's own DAG run: begun if there is none; if it is over and its operation is not, that is said."""
        journal, name, who = self.blueprint.journal, dag_id(part.kind, part.service), actor(context)
        if not is_open and (why := _refused(journal, part)):
            end_member(journal, view.group, view.id, self.member, leg, good=False, why=why, actor=who)
            return True
        conf = {"reason": request_reason(view), **({"target": part.target} if part.target else {})}
        if not is_open and start_run(name, part.run_id, conf):
            self.log.info("Begun: %s, run %s (%s)", name, part.run_id, part.operation)
            return False
        state = run_state(context["ti"], name, part.run_id)
        if state in RUNS or not state or view.standing(self.member).word is Stands.STUCK:
            return False
        why = f"the run {part.run_id} of {name} is {state}"
        if is_open:
            said = f"{why}, and {part.operation} is not at its end: clear its red task, or tidegate break-glass"
            member_stuck(journal, view.group, view.id, self.member, leg, why=said, actor=who)
        else:
            end_member(journal, view.group, view.id, self.member, leg, good=False, why=why, actor=who)
        return True

    def _wait(self, view: GroupView) -> None:
        now = view.standing(self.member)
        whom = f" ({', '.join(now.because)})" if now.because else ""
        self.log.info("%s: %s%s. Waiting in the triggerer.", self.member, now.word.value, whom)
        if now.word in (Stands.HELD, Stands.FAILED, Stands.STUCK):
            self.log.warning(
                "A person decides: tidegate group go-on | go-back %s --by <name> --reason <why>", view.group
            )
        trigger = GroupTrigger(view.group, view.id, self.member, view.last_seq)
        self.defer(trigger=trigger, method_name="again")


def _refused(journal: Journal, part: Part) -> str:
    """Why the member's run opened nothing, empty if it has not said so."""
    notes = journal.events(part.service, operation=part.operation, kinds={EventKind.NOTE})
    return next((str(n.body["why"]) for n in notes if n.body["what"] == REFUSED), "")


def run_state(task: Any, dag: str, run: str) -> str:
    """Empty if Airflow has no such run: the operation may be carried by somebody's terminal alone."""
    from airflow.sdk.exceptions import AirflowRuntimeError

    try:
        return str(task.get_dagrun_state(dag, run))
    except AirflowRuntimeError:
        return ""


def start_run(dag: str, run: str, conf: dict[str, Any]) -> bool:
    """Whether this call began the run. Airflow gives it the name of whoever triggered the run of this task."""
    from airflow.sdk.exceptions import ErrorType
    from airflow.sdk.execution_time import task_runner
    from airflow.sdk.execution_time.comms import ErrorResponse, TriggerDagRun

    said = task_runner.SUPERVISOR_COMMS.send(TriggerDagRun(dag_id=dag, run_id=run, conf=conf, logical_date=None))
    return not (isinstance(said, ErrorResponse) and said.error == ErrorType.DAGRUN_ALREADY_EXISTS)


class GroupOutcomeOperator(GroupOperator):
    """The last task: the run is as green as the group's operation."""

    ui_color = "#dcefe4"

    def execute(self, context: Context) -> None:
        view = self.read(context)
        if view is None:
            raise AirflowFailException("Refused before any effect: see the log of the task open.")
        look = f"tidegate status --group {view.group}"
        if not view.closed:
            raise AirflowFailException(f"{view.id} is still open, and nobody carries it on here. Look: {look}")
        if view.outcome not in (MOVED, DONE):
            raise AirflowFailException(f"{view.outcome.replace('_', ' ')}. Look: {look}")
        self.log.info("%s. Did anything change? Yes, as it was meant to.", view.outcome)
