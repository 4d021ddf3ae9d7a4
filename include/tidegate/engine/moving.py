"""What the engine asks of operations that move a service between its regions. Pure, from the journal's view."""

from __future__ import annotations

from tidegate.engine.permission import GUARD
from tidegate.engine.view import OperationView
from tidegate.plan.model import ApprovalNode
from tidegate.plan.names import FENCE_LOST, MEASURE_NODE


def loses_nothing(view: OperationView) -> str:
    """Why a failover needs nobody's signature, empty if it does: the old primary is fenced, and it is proved that the
    new one has every acknowledged write. One that the guard begins needs people all the same, unless its policy lets
    it act."""
    if view.requester == GUARD and view.plan.settings["failover"]["then"] != "act":
        return ""
    measured, fenced = view.facts.get(MEASURE_NODE, {}), view.facts.get(FENCE_LOST, {})
    if not fenced.get("fenced"):
        return ""
    if fenced.get("complete") or measured.get("complete"):
        return "the old primary is fenced, and the new one has all that it had"
    if measured.get("synced"):
        return "the old primary is fenced, and the new one is on record as having every acknowledged write"
    return ""


def loss_in_words(view: OperationView) -> list[str]:
    """What the people who are asked before a lossy failover are shown."""
    return [view.node(node).detail for node in (MEASURE_NODE, FENCE_LOST) if view.verified(node)]


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
