"""What users saw of some of their requests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lab.load.journal import Request

CHECKOUT = "checkout"  # the class of requests that place orders; all others are told as browsing


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


def by_class(requests: Sequence[Request], moments: Mapping[str, tuple[float, float]]) -> dict[str, Users]:
    """What users saw, moment by moment: of checkout, and of everything else."""
    found = {}
    for name, (since, until) in moments.items():
        within = [r for r in requests if since <= r.at < until]
        found[f"{name} {CHECKOUT}"] = users([r for r in within if r.endpoint == CHECKOUT])
        found[f"{name} browse"] = users([r for r in within if r.endpoint != CHECKOUT])
    return found
