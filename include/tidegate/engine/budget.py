"""The error budget: of all requests of the last weeks, how many may fail, and how many did. Counted by the guard.

What the guard has not seen counts as nothing, neither well nor badly, and it is said how much that was.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tidegate.journal.store import Journal
from tidegate.policy.schema import Objectives

ROWS = "slo"  # stands where an operation's id does, in rows outside the chain: one a day
DAY = 86400
HOUR = 3600
LEAST = 10.0  # failures that the budget must allow for; below that, one bad minute would be all of it


@dataclass(frozen=True)
class Budget:
    """``window``: seconds. ``allowed``: failures that ``availability`` leaves of ``requests``. ``seen``: seconds of the
    window in which a guard looked."""

    window: float
    availability: float
    requests: int
    failed: int
    seen: float

    @property
    def allowed(self) -> float:
        return self.requests * (1 - self.availability)

    @property
    def known(self) -> bool:
        """Whether enough was seen to speak of a budget at all."""
        return self.allowed >= LEAST

    @property
    def spent(self) -> bool:
        return self.known and self.failed >= self.allowed

    def __str__(self) -> str:
        days, seen = self.window / DAY, self.seen / DAY
        gaps = f"of {days:g} days the guard has seen {seen:.1f}"
        if not self.known:
            return f"too little was seen to speak of an error budget: {self.requests} requests; {gaps}"
        part = self.failed / self.allowed
        return f"{part:.0%} spent: {self.failed} of {self.requests} requests failed, {self.allowed:.0f} may; {gaps}"

    def to_json(self) -> dict[str, Any]:
        return {**vars(self), "allowed": self.allowed, "known": self.known, "spent": self.spent, "words": str(self)}


def budget_of(journal: Journal, service: str, objectives: Objectives, now: float) -> Budget | None:
    """As it stands; None where the policy names no window."""
    if objectives.window is None:
        return None
    first = int((now - objectives.window) // HOUR)
    rows = (journal.evidence(service, ROWS, day) for day in days(now - objectives.window, now))
    return _sum(objectives.window, objectives.availability, first, [row for row in rows if row is not None])


def day_of(at: float) -> str:
    """The key of the row that holds this moment's counts, in UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")


def days(begin: float, end: float) -> list[str]:
    return [day_of(number * DAY) for number in range(int(begin // DAY), int(end // DAY) + 1)]


def _sum(window: float, availability: float, first_hour: int, rows: Iterable[Mapping[str, Any]]) -> Budget:
    requests, failed, seen = 0, 0, 0.0
    for row in rows:
        for hour, counts in row["hours"].items():
            if int(hour) >= first_hour:
                requests, failed, seen = requests + counts[0], failed + counts[1], seen + counts[2]
    return Budget(window, availability, requests, failed, min(seen, window))
