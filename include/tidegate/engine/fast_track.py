"""The fast track: a baseline of lately comes back without the canary steps. Pure.

The plan is the same as ever. Small weights, and the gates that compare arms behind them, are passed over with a reason;
people are asked all the same, and so are the gate at full weight, the bake and the data.
"""

from __future__ import annotations

from tidegate.engine.view import OperationView
from tidegate.model.operation import OperationState
from tidegate.model.traffic import TOTAL
from tidegate.plan.model import Gate, Node, Phase, Stage, Step


def passed_over(view: OperationView, stage: Stage, node: Node) -> str:
    """Why the node is not needed, empty if it is."""
    track = view.binding.fast_track
    if not track or stage.phase is not Phase.FORWARD or view.state is not OperationState.RUNNING:
        return ""
    if not _is_canary(node):
        return ""
    return f"fast track: {view.binding.candidate_version} ({track}) was certified before"


def _is_canary(node: Node) -> bool:
    if isinstance(node, Step) and node.verb == "shift_traffic":
        return any(weight < TOTAL for weight in node.args["weights"].values())
    return isinstance(node, Gate) and node.kind == "evidence" and not node.args.get("full_weight", False)
