"""An operation's spans, from its rows in the journal. Pure: the same rows are the same spans, whoever asks.

operation → stage → node. A span is there once it is over: a node's when it is verified, a stage's when all its nodes
are, the operation's when it is closed; then also those of what was never reached, without any length.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tidegate.engine.view import OperationView, fold_operation
from tidegate.journal.model import Event, EventKind
from tidegate.model.operation import GOOD_END, OperationState
from tidegate.plan.model import Node, Stage
from tidegate.telemetry.context import TraceContext, around, derived, parse, span_id
from tidegate.telemetry.span import Attribute, SpanRecord, Told

_ENDS = frozenset({EventKind.STEP_VERIFIED, EventKind.GATE_OPENED})
_FAILS = frozenset({EventKind.STEP_FAILED, EventKind.GATE_FAILED, EventKind.APPROVAL_REFUSED})
ENDING = _ENDS | {EventKind.OPERATION_CLOSED}  # rows with which a span is over
_BEGINS = frozenset({EventKind.STEP_INTENDED, EventKind.APPROVAL_REQUESTED})


def trace_of(opening: Event) -> TraceContext:
    """The trace of the operation that this row opened. Rows from before traces were written: by their hash."""
    return parse(str(opening.body.get("traceparent", ""))) or derived(opening.hash)


def trace_id(view: OperationView) -> str:
    """For log lines; says so where the journal has none, which rows of before have not."""
    found = parse(view.traceparent)
    return found.trace_id if found else "none: opened by an earlier Tidegate"


def begun(head: str, operation: str) -> dict[str, Any]:
    """What the opening row says of its trace: the one that this process is in already (``joined``), or a new one, which
    no other journal has: ``head`` is the hash that the row follows."""
    joined = around()
    if joined is not None:
        return {"traceparent": joined.traceparent, "joined": True}
    trace = derived(f"{head} {operation}").trace_id
    return {"traceparent": TraceContext(trace, span_id(operation, trace, "")).traceparent}


@dataclass
class _Course:
    """What the rows say of one node. Times: epoch seconds."""

    begin: float | None = None
    end: float | None = None
    last: float | None = None
    actor: str = ""
    tries: int = 0
    error: str = ""
    nothing: bool = False
    happened: list[Told] = field(default_factory=list)


def spans(rows: Sequence[Event]) -> list[SpanRecord]:
    """Those that are over, inner ones first. ``rows``: of one operation, in order."""
    view = fold_operation(rows)
    opening = next((row for row in rows if row.kind is EventKind.OPERATION_OPENED), None)
    if view is None or opening is None:
        return []
    closing = next((row for row in rows if row.kind is EventKind.OPERATION_CLOSED), None)
    return [*_inner(view, trace_of(opening), _courses(rows), closing), *_whole(view, opening, closing)]


def _courses(rows: Sequence[Event]) -> dict[str, _Course]:
    found: dict[str, _Course] = {}
    settled: float | None = None  # when a gate begins to wait: once the node before it is settled
    for row in rows:
        node = row.body.get("node")
        if row.kind is EventKind.OPERATION_OPENED:
            settled = row.at
        elif isinstance(node, str) and row.kind in _BEGINS | _ENDS | _FAILS:
            course = found.setdefault(node, _Course())
            if course.end is None:
                _note(course, row, settled)
            if row.kind in _ENDS:
                settled = row.at
    return found


def _note(course: _Course, row: Event, settled: float | None) -> None:
    waited_for = row.kind in (EventKind.GATE_OPENED, EventKind.GATE_FAILED) and settled is not None
    if course.begin is None:
        course.begin = settled if waited_for and not row.body.get("nothing_to_do") else row.at
    course.last, course.actor = row.at, row.actor
    course.tries += row.kind is EventKind.STEP_INTENDED
    if row.kind in _FAILS:
        course.error = str(row.body.get("detail") or row.body.get("why") or row.kind)
        course.happened.append(Told(row.kind.value, row.at, {"detail": course.error}))
    if row.kind in _ENDS:
        course.end, course.error = row.at, ""
        course.nothing = bool(row.body.get("nothing_to_do"))


def _inner(
    view: OperationView, trace: TraceContext, courses: Mapping[str, _Course], closing: Event | None
) -> Iterator[SpanRecord]:
    for stage in view.plan.stages:
        made = [_node(view, trace, stage, node, courses.get(node.id, _Course()), closing) for node in stage.nodes]
        done = [span for span in made if span is not None]
        yield from done
        if len(done) == len(stage.nodes):
            yield _stage(view, trace, stage, done)


def _node(
    view: OperationView, trace: TraceContext, stage: Stage, node: Node, course: _Course, closing: Event | None
) -> SpanRecord | None:
    if course.end is None and closing is None:
        return None
    last = closing.at if closing else 0.0
    end = course.end if course.end is not None else (course.last if course.last is not None else last)
    said: dict[str, Attribute] = {
        "tidegate.node": node.id,
        "tidegate.type": type(node).__name__.removesuffix("Node").lower(),
        "tidegate.reached": course.begin is not None,
        "tidegate.nothing_to_do": course.nothing,
        "tidegate.tries": course.tries,
        "tidegate.actor": course.actor,
    }
    above = span_id(view.id, trace.trace_id, f"stage {stage.id}")
    begin = end if course.begin is None else course.begin
    own = span_id(view.id, trace.trace_id, node.id)
    return SpanRecord(
        "node", node.id, trace.trace_id, own, above, begin, end,
        {**_common(view), **said}, tuple(course.happened), course.error,
    )  # fmt: skip


def _stage(view: OperationView, trace: TraceContext, stage: Stage, inner: Sequence[SpanRecord]) -> SpanRecord:
    reached = [span for span in inner if span.attributes["tidegate.reached"]] or list(inner)
    wrong = next((span.error for span in inner if span.error), "")
    said: dict[str, Attribute] = {
        "tidegate.stage": stage.id,
        "tidegate.phase": stage.phase.value,
        "tidegate.reached": any(span.attributes["tidegate.reached"] for span in inner),
    }
    return SpanRecord(
        "stage", stage.id, trace.trace_id, span_id(view.id, trace.trace_id, f"stage {stage.id}"),
        span_id(view.id, trace.trace_id, ""), min(s.begin for s in reached), max(s.end for s in reached),
        {**_common(view), **said}, (), wrong,
    )  # fmt: skip


def _whole(view: OperationView, opening: Event, closing: Event | None) -> Iterator[SpanRecord]:
    if closing is None or view.state is not OperationState.CLOSED:
        return
    trace, outcome = trace_of(opening), str(view.outcome)
    above = trace.span_id if opening.body.get("joined") else ""
    said: dict[str, Attribute] = {"tidegate.outcome": outcome, "tidegate.plan_digest": view.plan_digest}
    wrong = "" if view.outcome is GOOD_END[view.kind] else f"{outcome}: {closing.body.get('why', '')}"
    yield SpanRecord(
        "operation", f"{view.kind.value} {view.service}", trace.trace_id, span_id(view.id, trace.trace_id, ""),
        above, opening.at, closing.at, {**_common(view), **said}, (), wrong,
    )  # fmt: skip


def _common(view: OperationView) -> dict[str, Attribute]:
    return {"tidegate.service": view.service, "tidegate.kind": view.kind.value, "tidegate.operation": view.id}
