"""What an answer took, counted from the fault. Pure, from the journal's rows."""

from __future__ import annotations

from collections.abc import Sequence

from tidegate.engine.recovery_forecast import took
from tidegate.engine.view import GROWING, STOP_LOSS_NODE, OperationView
from tidegate.journal.model import Event, EventKind
from tidegate.model.drill import Times
from tidegate.model.recovery import ACT, DECIDE, DETECT, VERIFY, Recovery
from tidegate.plan.model import Step


def of_move(found: Recovery, fault: float) -> Times:
    """``found``: of the failover. It counts from the first failing probe; a drill knows when the fault was put in."""
    seconds = {stage.name: stage.seconds for stage in found.stages}
    unseen = max(0.0, found.began - fault)
    noticed = seconds.get(DETECT)
    return Times(
        detect=_rounded(unseen + (noticed or 0.0)),
        decide=_rounded(seconds.get(DECIDE)),
        wait=_rounded(found.waited),
        act=_rounded(seconds.get(ACT)),
        verify=_rounded(seconds.get(VERIFY)),
        total=_rounded(unseen + found.gone) if found.back else None,
    )


def first_shown(view: OperationView) -> float | None:
    """When users were first sent to what is new; None if they never were."""
    shown = [view.node(n.id).at for _, n in view.plan.nodes() if isinstance(n, Step) and n.verb in GROWING]
    return min((at for at in shown if at is not None), default=None)


def of_return(view: OperationView, rows: Sequence[Event], fault: float) -> Times:
    """Of an operation that turned back. ``fault``: when users first met what is wrong."""
    verdict = next((row.at for row in rows if row.kind in (EventKind.STOP_LOSS, EventKind.TURNED_BACK)), None)
    safe = view.node(STOP_LOSS_NODE).at if view.verified(STOP_LOSS_NODE) else None
    ended = next((row.at for row in rows if row.kind is EventKind.OPERATION_CLOSED), None)
    return Times(
        detect=_between(fault, verdict),
        act=_between(verdict, safe),
        verify=_between(safe, ended),
        total=_between(fault, safe),
    )


def of_rollback(view: OperationView, rows: Sequence[Event], fault: float) -> Times:
    """Of a rollback that somebody, or the guard, began because of the fault."""
    steps = [row.at for row in rows if row.kind is EventKind.STEP_VERIFIED and row.body["node"] == STOP_LOSS_NODE]
    ended = next((row.at for row in rows if row.kind is EventKind.OPERATION_CLOSED), None)
    safe = steps[0] if steps else ended
    return Times(
        detect=_between(fault, view.opened_at),
        act=_between(view.opened_at, safe),
        verify=_between(safe, ended),
        total=_between(fault, safe),
    )


def steps_of(view: OperationView) -> dict[str, float]:
    """Seconds by node."""
    return {node: round(seconds, 3) for node, seconds in took(view, view.opened_at).items()}


def _between(begin: float | None, end: float | None) -> float | None:
    return None if begin is None or end is None else _rounded(max(0.0, end - begin))


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
