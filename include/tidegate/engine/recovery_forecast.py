"""How long it will take yet: by what earlier operations of the kind took, else by the longest that the plan allows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from tidegate.engine import flights
from tidegate.engine.view import OperationView
from tidegate.model.operation import OperationKind
from tidegate.model.recovery import Recovery
from tidegate.plan.model import ApprovalNode, Node, Phase, Step


@dataclass(frozen=True)
class Past:
    """What earlier operations of the kind took. ``nodes``: median seconds by node; ``wait``: median seconds for people,
    None if nobody ever had to be asked."""

    count: int = 0
    nodes: Mapping[str, float] = field(default_factory=dict)
    wait: float | None = None


def past_of(kept: Iterable[Mapping[str, Any]], kind: OperationKind) -> Past:
    """``kept``: bodies of earlier measurements, of whatever kind."""
    mine = [body for body in kept if body["kind"] == kind.value and body["proved"]]
    seconds: dict[str, list[float]] = {}
    for body in mine:
        for node, took in body["nodes"].items():
            seconds.setdefault(node, []).append(float(took))
    waits = [waited for body in mine if (waited := Recovery.from_json(body).waited)]
    return Past(len(mine), {node: median(took) for node, took in seconds.items()}, median(waits) if waits else None)


def took(view: OperationView, opened: float) -> dict[str, float]:
    """Seconds by node, from when the one before it was settled; of the way forward, without approvals."""
    found, before = dict[str, float](), opened
    for stage, node in view.plan.nodes():
        state = view.node(node.id)
        if stage.phase is not Phase.FORWARD or state.status != "verified" or state.at is None:
            continue
        if not isinstance(node, ApprovalNode) and not state.nothing_to_do:
            found[node.id] = round(max(0.0, state.at - before), 3)
        before = max(before, state.at)
    return found


def forecast(view: OperationView, section: Sequence[Node], past: Past, now: float) -> tuple[float, str]:
    """Seconds that are left of the section, and what says so. A node that takes longer than it used to adds nothing
    more."""
    left = [node for node in section if not view.verified(node.id)]
    seconds = sum(past.nodes.get(node.id, flights.LONGEST) for node in left if isinstance(node, Step))
    settled = [at for node in section if view.verified(node.id) and (at := view.node(node.id).at) is not None]
    if left and isinstance(left[0], Step) and settled:
        seconds -= min(now - max(settled), past.nodes.get(left[0].id, flights.LONGEST))
    known = all(node.id in past.nodes for node in left if isinstance(node, Step))
    words = f"the median of {past.count} before it" if known and past.count else "the longest that its steps may take"
    return seconds + _people(view, left, past, now), words


def _people(view: OperationView, left: Sequence[Node], past: Past, now: float) -> float:
    """Seconds for those who were asked and have not answered: as long as it used to take, else all that they have."""
    asked = [view.requested[node.id] for node in left if node.id in view.requested and isinstance(node, ApprovalNode)]
    if not asked:
        return 0.0
    over = max(0.0, float(asked[0]["expires_at"]) - now)
    return over if past.wait is None else min(over, past.wait)
