"""Which nodes of a staged admission a failover turns out not to need. Pure."""

from __future__ import annotations

from tidegate.engine.view import OperationView
from tidegate.model.traffic import TOTAL
from tidegate.plan.model import Gate, Node, Stage, Step
from tidegate.plan.names import ADMISSION, CUTOVER_END, DEGRADE_NODE, FEATURES


def all_admitted(view: OperationView, stage: Stage, node: Node) -> str:
    """Why the node is not needed, empty if it is: everybody was admitted at once, or the feature was never taken."""
    if node.id != DEGRADE_NODE and stage.id not in (ADMISSION, FEATURES):
        return ""
    if view.facts.get(CUTOVER_END, {}).get("admitted") == TOTAL:
        return "the target carries everybody, so everybody was admitted at once"
    if stage.id == FEATURES and isinstance(node, Step | Gate) and view.verified(DEGRADE_NODE):
        flag = node.args["flag"]
        return "" if flag in view.facts[DEGRADE_NODE].get("was", {}) else f"{flag} was not switched off"
    return ""
