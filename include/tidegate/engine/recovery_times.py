"""When users lost the service, when they had it back, and where the time between went. Pure, from the journal's rows.

What counts is the critical section: once each of its steps is read back, writer and traffic have moved. That a write
was made there is proved by the gate behind it. A switchover takes nothing from its users before its section begins.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tidegate.engine.permission import GUARD
from tidegate.engine.recovery_forecast import Past, forecast, took
from tidegate.engine.view import OperationView
from tidegate.journal.model import Event, EventKind
from tidegate.model.operation import OperationKind
from tidegate.model.recovery import ACT, DECIDE, DETECT, PREPARE, RESTORE, VERIFY, WAIT, Loss, Recovery, StageTime
from tidegate.plan.model import Gate, Node, Step
from tidegate.plan.names import CUTOVER, FENCE_LOST, FENCE_NODE, MEASURE_NODE

GREEN = "alarms green again"  # what a note says
RETURN_WRITER, RETURN_PROOF = "return.writer", "return.one-writer"  # of a switchover that turned back
Span = tuple[float, float]


@dataclass(frozen=True)
class Moments:
    """Epoch seconds; None: not yet, or not known. ``declared``: the loss was on record. ``acting``: the first effect of
    the section was begun."""

    opened: float
    declared: float | None
    acting: float | None
    back: float | None
    proved: float | None
    closed: float | None


def recovery(view: OperationView, rows: Sequence[Event], lost: Event | None, past: Past, now: float) -> Recovery | None:
    """``rows``: of the operation. ``lost``: the row that says that its region was lost, if there is one. None for an
    operation without a critical section."""
    section = _section(view)
    if not section:
        return None
    at = _moments(view, rows, lost, section)
    end = at.closed if at.closed is not None else now
    began, known_by = _began(view, lost, at, end)
    back = end if at.back is None else at.back
    waits = _waits(view, rows, at, began, back)
    gone = max(0.0, back - began)
    left, by = (None, "") if at.back is not None or at.closed is not None else forecast(view, section, past, now)
    green = [row.at for row in rows if row.kind is EventKind.NOTE and row.body.get("what") == GREEN]
    objectives = view.plan.settings["failover"]
    return Recovery(
        operation=view.id,
        kind=view.kind.value,
        began=began,
        known_by=known_by,
        stages=tuple(_stages(view, at, began, end, waits)),
        gone=round(gone, 3),
        back=at.back is not None,
        proved=at.proved is not None,
        closed=at.closed is not None,
        rto_target=objectives.get("rto"),
        rpo_target=objectives.get("rpo"),
        loss=loss_of(view),
        forecast=None if left is None else round(gone + left, 3),
        forecast_by=by,
        restored=None if at.closed is None or at.proved is None else round(at.closed - began, 3),
        green=round(green[0] - began, 3) if green else None,
        nodes=took(view, at.opened),
    )


def loss_of(view: OperationView) -> Loss:
    """What may be lost, as far as it was measured."""
    if view.kind is OperationKind.SWITCHOVER:
        return Loss(0, 0.0, True) if view.verified(FENCE_NODE) else Loss()
    measured, fenced = view.facts.get(MEASURE_NODE, {}), view.facts.get(FENCE_LOST, {})
    if fenced.get("complete") or (fenced.get("fenced") and (measured.get("complete") or measured.get("synced"))):
        return Loss(0, 0.0, True)
    within = measured.get("within")
    if measured.get("behind"):
        return Loss(int(measured["behind"]), within, True)
    return Loss(measured.get("at_least"), within)


def _section(view: OperationView) -> list[Node]:
    """Its steps, with the approvals between them."""
    nodes = [node for _, node in view.plan.nodes()]
    places = [n for n, node in enumerate(nodes) if isinstance(node, Step) and node.section == CUTOVER]
    return nodes[places[0] : places[-1] + 1] if places else []


def _moments(view: OperationView, rows: Sequence[Event], lost: Event | None, section: Sequence[Node]) -> Moments:
    effects = {node.id for node in section if isinstance(node, Step) and node.effect}
    begun = [row.at for row in rows if row.kind is EventKind.STEP_INTENDED and row.body["node"] in effects]
    ended = [row.at for row in rows if row.kind is EventKind.OPERATION_CLOSED]
    back, proved = _back(view, section)
    closed = ended[0] if ended else None
    return Moments(view.opened_at, lost.at if lost else None, min(begun, default=None), back, proved, closed)


def _back(view: OperationView, section: Sequence[Node]) -> tuple[float | None, float | None]:
    """When writer and traffic were read back, and when a write has proved it; also where it turned back."""
    proof = next((n.id for _, n in view.plan.nodes() if _proves(n) and n.id.startswith("verify.")), "")
    if view.why_back and view.verified(RETURN_WRITER):
        return view.node(RETURN_WRITER).at, _at(view, RETURN_PROOF)
    if not all(view.verified(node.id) for node in section):
        return None, None
    back = max(at for node in section if (at := view.node(node.id).at) is not None)
    return back, _at(view, proof) if proof else back


def _proves(node: Node) -> bool:
    return isinstance(node, Gate) and node.kind == "one_writer"


def _at(view: OperationView, node: str) -> float | None:
    return view.node(node).at if view.verified(node) else None


def _began(view: OperationView, lost: Event | None, at: Moments, end: float) -> tuple[float, str]:
    if view.kind is OperationKind.SWITCHOVER:
        return (end if at.acting is None else at.acting), "users are served until the old primary takes no writes"
    if lost is None:
        return at.opened, "nobody saw it begin: counted from when the failover was asked for"
    points = " and ".join(lost.body["seen_by"])
    return min(float(lost.body["observed_at"]), lost.at), f"the first failing probe of {points}"


def _waits(view: OperationView, rows: Sequence[Event], at: Moments, began: float, back: float) -> list[Span]:
    """Spans in which it waited for people, apart from one another: until somebody asked for it, until they had signed,
    and while it was paused."""
    spans = [*view.pauses, *([(view.held.at, back)] if view.held else [])]
    if at.declared is not None and view.requester != GUARD:
        spans.append((at.declared, at.opened))
    for row in rows:
        if row.kind is EventKind.APPROVAL_REQUESTED:
            node = row.body["node"]
            answered = [r.at for r in rows if r.kind in _ANSWERS and r.body["node"] == node]
            spans.append((row.at, min(answered, default=back)))
    return _apart(spans, began, back)


_ANSWERS = frozenset({EventKind.GATE_OPENED, EventKind.APPROVAL_REFUSED})


def _apart(spans: Iterable[Span], least: float, most: float) -> list[Span]:
    found: list[Span] = []
    for begin, end in sorted((max(a, least), min(b, most)) for a, b in spans):
        begin = max(begin, found[-1][1]) if found else begin
        if end > begin:
            found.append((begin, end))
    return found


def _stages(view: OperationView, at: Moments, began: float, end: float, waits: Sequence[Span]) -> Iterable[StageTime]:
    back = end if at.back is None else at.back
    acting = back if at.acting is None else at.acting
    decided = acting if view.kind is OperationKind.FAILOVER else began
    first = began if at.declared is None else at.declared
    now = "" if at.closed is not None else _running(view, at, waits, end)
    if view.kind is OperationKind.SWITCHOVER:
        yield StageTime(PREPARE, round(began - at.opened, 3), now == PREPARE, counts=False)
    if at.declared is not None:
        yield _stage(DETECT, began, first, (), now)
    if view.kind is OperationKind.FAILOVER:
        yield _stage(DECIDE, first, decided, waits, now)
    yield StageTime(WAIT, round(sum(b - a for a, b in waits), 3), now == WAIT)
    yield _stage(ACT, acting, back, waits, now)
    if at.back is not None:
        proved = end if at.proved is None else at.proved
        yield StageTime(VERIFY, round(max(0.0, proved - back), 3), now == VERIFY, counts=False)
    if at.proved is not None:
        yield StageTime(RESTORE, round(max(0.0, end - at.proved), 3), now == RESTORE, counts=False)


def _stage(name: str, begin: float, end: float, without: Sequence[Span], now: str) -> StageTime:
    waited = sum(max(0.0, min(b, end) - max(a, begin)) for a, b in without)
    return StageTime(name, round(max(0.0, end - begin - waited), 3), now == name)


def _running(view: OperationView, at: Moments, waits: Sequence[Span], end: float) -> str:
    if at.back is not None:
        return VERIFY if at.proved is None else RESTORE
    if waits and waits[-1][1] >= end:
        return WAIT
    if at.acting is not None:
        return ACT
    return PREPARE if view.kind is OperationKind.SWITCHOVER else DECIDE
