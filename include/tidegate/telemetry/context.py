"""Which trace this is: W3C trace context, by the standard library alone.

A trace's id is made once, when the operation is opened, and stands in the journal's opening row. Span ids follow from
the operation and the node, so that whichever process sends a span, and however often, it is the same span.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

HEADER = "traceparent"
_SHAPE = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")


@dataclass(frozen=True)
class TraceContext:
    """A place in a trace. Both ids are lower-case hexadecimal, and never all zeros."""

    trace_id: str
    span_id: str

    @property
    def traceparent(self) -> str:
        """As W3C's header has it, sampled."""
        return f"00-{self.trace_id}-{self.span_id}-01"


@dataclass(frozen=True)
class Place:
    """What this process is at. ``node``: empty outside a node."""

    operation: str
    node: str
    trace: TraceContext


_at: ContextVar[Place | None] = ContextVar("tidegate_place", default=None)


def parse(text: str) -> TraceContext | None:
    """A ``traceparent``; None for anything else, as W3C asks for: a broken header begins a new trace."""
    found = _SHAPE.fullmatch(text.strip().lower())
    if found is None or text.lower().startswith("ff") or not int(found[1], 16) or not int(found[2], 16):
        return None
    return TraceContext(found[1], found[2])


def derived(seed: str) -> TraceContext:
    """The same seed is the same trace."""
    raw = hashlib.sha256(f"trace {seed}".encode()).hexdigest()
    return TraceContext(raw[:32], raw[32:48])


def span_id(operation: str, trace_id: str, what: str) -> str:
    """The id of the span for ``what`` (a stage, a node; empty: the operation itself) of an operation."""
    return hashlib.sha256(f"span {trace_id} {operation} {what}".encode()).hexdigest()[:16]


def around(environment: Mapping[str, str] = os.environ) -> TraceContext | None:
    """The trace that this process is already in: Airflow's span of the task, or ``TRACEPARENT`` of whoever called."""
    if "opentelemetry.trace" in sys.modules:  # else nobody can have begun a span
        from opentelemetry import trace

        now = trace.get_current_span().get_span_context()
        if now.is_valid and now.trace_flags.sampled:
            return TraceContext(f"{now.trace_id:032x}", f"{now.span_id:016x}")
    return parse(environment.get("TRACEPARENT", ""))


def here() -> Place | None:
    """What this thread is at, for log lines and requests."""
    return _at.get()


@contextmanager
def at(operation: str, traceparent: str, node: str = "") -> Iterator[None]:
    """Inside this block log lines and requests carry the operation's trace. Without one in the journal: nothing."""
    trace = parse(traceparent)
    if trace is None:
        yield
        return
    inner = TraceContext(trace.trace_id, span_id(operation, trace.trace_id, node))
    token = _at.set(Place(operation, node, inner))
    try:
        yield
    finally:
        _at.reset(token)


def headers() -> dict[str, str]:
    """What a request of ours carries: its ``traceparent``, or nothing outside an operation."""
    place = _at.get()
    return {HEADER: place.trace.traceparent} if place else {}
