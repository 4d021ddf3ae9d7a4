"""When an operation should end: by what its steps took in earlier operations of its kind. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median

from tidegate.engine.recovery_forecast import took
from tidegate.engine.view import OperationView
from tidegate.model.operation import GOOD_END, OperationKind, OperationState
from tidegate.plan.model import ApprovalNode, Node, Phase
from tidegate.report.planned import ahead

LAST = 10  # earlier operations that are asked

Took = Mapping[str, float]  # seconds by node; 0 for one that was not needed


@dataclass(frozen=True)
class Ending:
    """``left``: seconds until its end, None if that is not known. ``why``: by what, or why not."""

    left: float | None
    why: str

    def words(self, now: float) -> str:
        if self.left is None:
            return f"not known: {self.why}"
        at = datetime.fromtimestamp(now + self.left, UTC).strftime("%H:%M:%S UTC")
        return f"{at}, in {_spoken(self.left)}: {self.why}"


def durations(view: OperationView) -> dict[str, float] | None:
    """What each node of the way forward took; None unless the operation ended as it was meant to."""
    if view.outcome is None or view.outcome is not GOOD_END.get(view.kind):
        return None
    forward = [node.id for stage, node in view.plan.nodes() if stage.phase is Phase.FORWARD]
    return {**dict.fromkeys(forward, 0.0), **took(view, view.opened_at)}


def ending(view: OperationView, past: Sequence[Took], now: float) -> Ending:
    """``past``: of the newest operations of its kind that ended well. How long people take is not known."""
    if view.state is OperationState.CLOSED:
        return Ending(None, "it has ended")
    if view.held is not None:
        return Ending(None, f"{view.held.person} has paused it")
    left = ahead(view)
    if view.state is not OperationState.RUNNING:
        return Ending(None, f"it is on its way back, {len(left)} nodes left")
    if not past:
        return Ending(None, f"no {view.kind} of {view.service} before it has ended well")
    new = [node.id for node in left if not isinstance(node, ApprovalNode) and not any(node.id in one for one in past)]
    if new:
        return Ending(None, f"{new[0]} was never done before")
    return _known(view, left, past, now)


def _known(view: OperationView, left: Sequence[Node], past: Sequence[Took], now: float) -> Ending:
    asked = [node.id for node in left if isinstance(node, ApprovalNode)]
    seconds = [median(one[n.id] for one in past if n.id in one) for n in left if not isinstance(n, ApprovalNode)]
    whole = sum(seconds)
    if seconds and left[0].id not in asked:
        whole -= min(max(0.0, now - _last(view)), seconds[0])  # one that takes longer than it used to adds nothing more
    by = f"the median of the {len(past)} before it" if len(past) > 1 else "what the one before it took"
    if asked:
        return Ending(None, f"people are asked ({', '.join(asked)}); the rest takes {_spoken(whole)}, {by}")
    return Ending(whole, by)


def _last(view: OperationView) -> float:
    """When the newest node was settled."""
    return max([view.opened_at, *(one.at for one in view.nodes.values() if one.status == "verified" and one.at)])


def same_kind(kind: OperationKind, opened: Sequence[tuple[str, str]], but: str) -> list[str]:
    """Ids of the newest operations of a kind, newest first. ``opened``: id and kind, oldest first."""
    return [name for name, its in reversed(opened) if its == kind.value and name != but][:LAST]


def _spoken(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
