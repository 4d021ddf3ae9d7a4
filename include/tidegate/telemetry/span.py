"""A span that is over, as a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Attribute = str | int | float | bool


@dataclass(frozen=True)
class Told:
    """Something that happened within a span. ``at``: epoch seconds."""

    name: str
    at: float
    attributes: Mapping[str, Attribute] = field(default_factory=dict)


@dataclass(frozen=True)
class SpanRecord:
    """``begin``, ``end``: epoch seconds. ``parent_id``: empty for the first of its trace. ``error``: why it failed;
    empty if it did not. ``level``: ``operation``, ``stage`` or ``node``."""

    level: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    begin: float
    end: float
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    happened: tuple[Told, ...] = ()
    error: str = ""
