"""Commands of older operations that may still arrive. A power switch and a promotion hold no epoch, so what goes in the
opposite direction waits them out, and only then looks whether its target stands by (the model's guard FLIGHT)."""

from __future__ import annotations

from collections.abc import Iterable

from tidegate.journal.model import Event, EventKind

LONGEST = 15.0  # seconds; more than any call of a driver takes, see the longest flights that they state
KINDS = frozenset({EventKind.STEP_INTENDED, EventKind.STEP_VERIFIED})


def under_way(rows: Iterable[Event], operation: str, now: float) -> str:
    """Which older command may still be on its way, in words; empty if none is. ``rows``: of all operations, oldest
    first. A step that was verified is over; one that failed may have been sent. Pure."""
    open_ones: dict[tuple[str, str], float] = {}
    for row in rows:
        key = str(row.operation), str(row.body["node"])
        if row.kind is EventKind.STEP_INTENDED:
            open_ones[key] = row.at
        else:
            open_ones.pop(key, None)
    for (other, node), at in open_ones.items():
        if other != operation and now - at < LONGEST:
            return f"{node} of {other} was sent {now - at:.0f} s ago and not answered: its command may still arrive"
    return ""
