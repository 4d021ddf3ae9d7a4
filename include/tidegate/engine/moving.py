"""What the engine asks of operations that move a service between its regions. Pure, from the journal's view."""

from __future__ import annotations

from tidegate.engine.permission import GUARD
from tidegate.engine.view import OperationView
from tidegate.model.operation import OperationKind
from tidegate.plan.names import APPROVE_LOSS, FENCE_LOST, MEASURE_NODE, PROMOTE_NODE


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


def given_up(view: OperationView) -> str:
    """Why a failover ends without having promoted anything, empty if it does not: people said no, or nobody answered.
    Nothing has moved then, so it can be closed, and asked for again."""
    if view.kind is not OperationKind.FAILOVER or view.node(PROMOTE_NODE).status != "open":
        return ""
    return view.refused_by.get(APPROVE_LOSS, "")


def loss_in_words(view: OperationView) -> list[str]:
    """What the people who are asked before a lossy failover are shown."""
    return [view.node(node).detail for node in (MEASURE_NODE, FENCE_LOST) if view.verified(node)]
