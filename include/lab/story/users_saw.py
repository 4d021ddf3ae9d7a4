"""What users saw of some of their requests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lab.load.journal import Request


@dataclass(frozen=True)
class Users:
    """What users of some requests saw. ``p99_ms``: None without requests."""

    requests: int
    failed: int
    p99_ms: float | None


def users(requests: Sequence[Request]) -> Users:
    """Of all of them together."""
    times = sorted(request.ms for request in requests)
    p99 = round(times[min(len(times) - 1, int(len(times) * 0.99))], 1) if times else None
    return Users(len(requests), sum(request.failed for request in requests), p99)
