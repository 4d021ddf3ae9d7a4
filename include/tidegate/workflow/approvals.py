"""The task of an approval: Airflow asks the people and shows them the figures; the journal is what counts.

While it waits it is deferred, not parked: a trigger looks at the journal as well, so that an operation which the guard
has stopped goes on its way back at once, and does not wait for an answer that nobody needs any more. An answer itself
needs no triggerer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk.exceptions import AirflowFailException
from airflow.sdk.execution_time.hitl import HITLUser, upsert_hitl_detail

from tidegate.engine import rules
from tidegate.engine.approve import give_approval, may_answer, refuse_approval, request_approval
from tidegate.engine.view import OperationView
from tidegate.engine.world import World
from tidegate.errors import Refused
from tidegate.workflow.approval_body import approval_body
from tidegate.workflow.approval_trigger import ApprovalTrigger
from tidegate.workflow.identity import actor, read
from tidegate.workflow.node import NodeOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

APPROVE, REJECT = "Approve", "Reject"


class ApprovalOperator(NodeOperator, HITLOperator):
    """One of the yeses that a node needs; a quorum of m is m such tasks in series.

    There is no default: a question that nobody answers in time is a no.
    """

    template_fields = ()
    ui_color = "#efe3f5"

    def __init__(self, *, title: str, **kwargs: Any) -> None:
        super().__init__(subject=title, options=[APPROVE, REJECT], **kwargs)

    def execute(self, context: Context) -> None:
        with self.telling(context):
            world, view = self.enter(context)
            request = request_approval(world, view.id, self.node, actor=actor(context))
            view = read(world, view.id) or view
            if self._decided(view):
                return
            people = _still_to_ask(view, self.node, request)
            self._ask(context, world, view, request, people)

    def _decided(self, view: OperationView) -> bool:
        if self.node in view.refused_by:
            raise AirflowFailException(f"{self.node} was refused: {view.refused_by[self.node]}")
        if view.verified(self.node):
            self.log.info("Approved already: %s", view.node(self.node).detail)
            return True
        rules.may_run(view, view.plan.node(self.node)[0], self.node)  # asked before, and stopped since
        return False

    def _ask(
        self, context: Context, world: World, view: OperationView, request: Mapping[str, Any], people: list[str]
    ) -> None:
        self.body = approval_body(world, view, self.node, request)
        users = [HITLUser(id=person, name=person) for person in people]
        task = context["ti"].id
        upsert_hitl_detail(task, self.options, self.subject, self.body, None, False, {}, users)
        self.log.info("Asked: %s. Requested by %s, who may not answer.", ", ".join(people), view.requester)
        self.defer(
            trigger=ApprovalTrigger(task=str(task), service=world.service, operation=view.id, node=self.node),
            method_name="execute_complete",
        )

    def execute_complete(self, context: Context, event: dict[str, Any]) -> None:
        """Record the answer in the journal, if it is one that counts."""
        with self.telling(context):
            world, view = self.enter(context)
            if event.get("superseded"):
                raise AirflowFailException(f"No answer is needed any more: {event['why']}")
            who, yes = _responder(event), event.get("chosen_options") == [APPROVE]
            if event.get("timed_out"):
                self._refuse(context, world, view, None, "nobody answered in time")
            if yes or who is not None:
                self._ask_again_unless_it_counts(context, world, view, who)
            if not yes:
                self._refuse(context, world, view, who, f"{who or 'nobody named'} said no")
            self._approve(context, world, view, who)

    def _approve(self, context: Context, world: World, view: OperationView, person: str | None) -> None:
        shown = str(view.requested[self.node]["plan_digest"])
        enough = give_approval(world, view.id, self.node, person=person, plan_digest=shown, actor=actor(context))
        self.log.info("%s approved plan %s.%s", person, shown, "" if enough else " One more person has to.")
        self.log.info("Did anything change? No: the yes is in the journal.")

    def _ask_again_unless_it_counts(self, context: Context, world: World, view: OperationView, who: str | None) -> None:
        """An answer of somebody who may not answer ends nothing: the question is put again, until its time is over."""
        try:
            may_answer(world, view, self.node, who)
        except Refused as error:
            self.log.warning("An answer that does not count: %s. Did anything change? No.", error.message)
            self.log.warning("What next? It is asked again; %s.", error.next_step or "let somebody else answer")
            request = view.requested[self.node]
            self._ask(context, world, view, request, _still_to_ask(view, self.node, request))

    def _refuse(self, context: Context, world: World, view: OperationView, person: str | None, why: str) -> None:
        refuse_approval(world, view.id, self.node, person=person, why=why, actor=actor(context))
        raise AirflowFailException(f"{self.node} was refused: {why}")


def _given(view: OperationView, node: str) -> set[str]:
    return {a.person for a in view.approvals if a.node == node}


def _still_to_ask(view: OperationView, node: str, request: Mapping[str, Any]) -> list[str]:
    return [p for p in request["people"] if p not in _given(view, node)]


def _responder(event: Mapping[str, Any]) -> str | None:
    """By name, as the requester is known: an auth manager whose ids are no names would else let them be two people."""
    user = event.get("responded_by_user")
    return str(user["name"]) if user and user.get("name") else None
