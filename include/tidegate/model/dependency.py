"""What a service calls that is not its own, and the circuit breaker that stands before it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True)
class Limits:
    """Of one breaker. ``timeout``, ``open_for``: seconds. ``connections``, ``pending``: calls under way, and calls that
    wait for a connection, at most. ``failures``: in a row, until it opens. ``probe``: a path that says whether the
    dependency is well, "" for none."""

    timeout: float
    connections: int
    pending: int
    failures: int
    open_for: float
    probe: str = ""


class Breaker(StrEnum):
    """``PARTLY``: some of the dependency's targets are left out. ``FULL``: closed, but as many calls are under way as
    may be: what comes on top is answered at once."""

    CLOSED = "closed"
    FULL = "full"
    PARTLY = "partly open"
    OPEN = "open"


@dataclass(frozen=True)
class BreakerState:
    """What the router reports of one breaker. ``out``: targets, of ``targets``, that get no calls. Counted since the
    router started: ``calls``, and of those ``timed_out`` and ``turned_away`` (at its limits, or while it was open);
    ``opened``: how often a target was put out. ``limits``: in force; None where they are not of a form that a policy
    has."""

    breaker: Breaker
    targets: int
    out: int
    calls: int = 0
    timed_out: int = 0
    turned_away: int = 0
    opened: int = 0
    limits: Limits | None = None
