"""What must hold before a node of a plan may run. Pure: each rule reads the operation's view and raises, or not."""

from __future__ import annotations

from tidegate.engine.moving import loses_nothing
from tidegate.engine.view import GROWING, STOP_LOSS_NODE, OperationView
from tidegate.errors import LeaseLost, NotYet, Paused, Refused
from tidegate.model.operation import OperationState
from tidegate.plan.model import ApprovalNode, Phase, Stage, Step
from tidegate.plan.names import APPROVE_EXPAND, APPROVE_LOSS
from tidegate.steps.schema_range import PROVE_NODE


def may_run(view: OperationView, stage: Stage, node_id: str) -> None:
    """State, phase and predecessors. Raises ``Refused``, or ``LeaseLost`` where the guard has superseded the node."""
    if view.state is OperationState.CLOSED:
        raise Refused(f"operation {view.id} is closed: {view.outcome}", next_step="start a new one")
    if view.state is OperationState.STOPPING and stage.phase is Phase.FORWARD:
        raise LeaseLost(
            f"operation {view.id} is on its way back: {view.why_back}", next_step="nothing: its last stage goes on"
        )
    not_held(view, node_id)
    _predecessors_verified(view, stage, node_id)


def not_held(view: OperationView, node_id: str) -> None:
    """Raises :class:`Paused` while a person holds the operation. The stop-loss alone goes on: it makes traffic safe."""
    if view.held is None or node_id == STOP_LOSS_NODE:
        return
    raise Paused(
        f"operation {view.id} is paused by {view.held.person}: {view.held.why}",
        next_step=f"tidegate resume {view.service} {view.id} --by <name> --reason <why>, or control__{view.service}",
    )


def newest_try(view: OperationView, node_id: str, attempt: int | None) -> None:
    """A scheduler that lost sight of a try starts another; the old one may still wake up. The newer one goes on."""
    seen = view.node(node_id).attempt
    if attempt is not None and seen > attempt:
        raise LeaseLost(f"try {attempt} of {node_id} was given up by the scheduler: try {seen} is at it")


def _predecessors_verified(view: OperationView, stage: Stage, node_id: str) -> None:
    """A green tick in Airflow means nothing: the journal is asked."""
    for before_stage, before in view.plan.nodes():
        if before.id == node_id:
            return
        if before_stage.phase is not stage.phase:
            continue
        done = approved(view, before) if isinstance(before, ApprovalNode) else view.verified(before.id)
        if not done:
            raise NotYet(
                f"{node_id} comes after {before.id}, which the journal does not show as verified",
                next_step=f"run or retry {before.id} first; marking its task green does not do it",
            )


def not_asked(view: OperationView, node: ApprovalNode) -> str:
    """Why nobody is asked, in words; empty if people are. Read from what the proof found."""
    if node.id == APPROVE_LOSS:
        return loses_nothing(view)
    if node.id != APPROVE_EXPAND or view.facts.get(PROVE_NODE, {}).get("ask", True):
        return ""
    return "every migration can be undone, and none blocks a large table"


def approved(view: OperationView, node: ApprovalNode) -> bool:
    """Whether the journal holds enough people's yes for this plan and the evidence shown: named, distinct, in time,
    none the requester."""
    if not_asked(view, node):
        return True
    return of_people(view, node)


def of_people(view: OperationView, node: ApprovalNode) -> bool:
    """Whether enough people have said yes to this plan and the evidence shown: named, distinct, in time, none the
    requester."""
    request = view.requested.get(node.id)
    if request is None or node.id in view.refused_by:
        return False
    people = {
        a.person
        for a in view.approvals
        if a.node == node.id
        and a.plan_digest == view.plan_digest
        and a.evidence_digest == request.get("evidence_digest", "")
        and a.in_time
    }
    return len((people & set(node.people)) - {view.requester}) >= node.quorum


def signed(view: OperationView) -> frozenset[str]:
    """The approvals of which :func:`of_people` holds."""
    nodes = (node for _, node in view.plan.nodes() if isinstance(node, ApprovalNode))
    return frozenset(node.id for node in nodes if of_people(view, node))


def has_approval(view: OperationView, step: Step) -> None:
    """Raises :class:`Refused` if the step needs an approval that the journal does not hold."""
    if step.approval is None:
        return
    node = view.plan.node(step.approval)[1]
    assert isinstance(node, ApprovalNode)
    if not approved(view, node):
        raise Refused(
            f"{step.id} needs {node.quorum} approval(s) of {', '.join(node.people)} other than {view.requester}, and "
            f"the journal does not hold them",
            next_step=f"answer {node.id}; marking its task green approves nothing",
        )


def has_guard(beat_expires_at: float | None, now: float, step: Step) -> None:
    """No weight grows without a live guard."""
    if step.verb not in GROWING:
        return
    if beat_expires_at is None or beat_expires_at < now:
        raise NotYet(
            f"{step.id} would show users more of the candidate, but no guard is alive",
            next_step="unpause rollback__<service> and see that the triggerer runs, or: tidegate guard <service>",
        )
