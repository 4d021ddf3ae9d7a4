"""How the service has kept its promise, hour by hour, operation or not: what the error budget is told by.

One row a day, outside the chain. A guard that takes over goes on where the one before stopped; the time in which nobody
looked stays a gap, which the row shows by the seconds that were seen.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tidegate.engine.budget import DAY, HOUR, ROWS, budget_of, day_of
from tidegate.engine.world import World
from tidegate.model.observation import Observation

SAVE_EVERY = 10.0  # seconds
TELL_EVERY = 60.0  # seconds between two sums over the whole window
STILL_LOOKING = 5.0  # seconds between two looks beyond which the time between counts as a gap

Hours = dict[int, list[float]]  # hour since the epoch: requests, failures, seconds seen


class Ledger:
    """``note`` at each look; ``told``: the budget as it was last summed up, for the beat."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._hours: Hours = {}
        self._changed: set[str] = set()
        self._counted_until = 0.0
        self._looked_at: float | None = None
        self._saved_at = self._told_at = 0.0
        self.told: dict[str, Any] | None = None
        self._load(world.clock.now())

    def note(self, observations: Iterable[Observation], now: float) -> None:
        """Count what came since the last look."""
        for seen in observations:
            ended = seen.at + seen.milliseconds / 1000
            if seen.arm is None or ended <= self._counted_until:
                continue
            cell = self._cell(ended)
            cell[0] += 1
            cell[1] += seen.failed
        if self._looked_at is not None and 0 < now - self._looked_at <= STILL_LOOKING:
            self._cell(now)[2] += now - self._looked_at
        self._looked_at = now
        if now - self._saved_at >= SAVE_EVERY:
            self._save(now)
        if now - self._told_at >= TELL_EVERY:
            self._told_at = now
            found = budget_of(self._world.journal, self._world.service, self._world.policy.objectives, now)
            self.told = found.to_json() if found else None

    def _cell(self, at: float) -> list[float]:
        self._changed.add(day_of(at))
        return self._hours.setdefault(int(at // HOUR), [0, 0, 0.0])

    def _save(self, now: float) -> None:
        """Rows of days that something was counted in. Two days are kept here: a request may end before midnight and be
        logged after it."""
        for day in sorted(self._changed & set(_two_days(now))):
            hours = {hour: cell for hour, cell in self._hours.items() if day_of(hour * HOUR) == day}
            counts = {str(hour): [int(cell[0]), int(cell[1]), round(cell[2], 1)] for hour, cell in hours.items()}
            document = {"version": 1, "until": now, "hours": counts}
            self._world.journal.put_evidence(self._world.service, ROWS, day, document)
        self._changed.clear()
        self._hours = {hour: cell for hour, cell in self._hours.items() if day_of(hour * HOUR) in _two_days(now)}
        self._saved_at = now

    def _load(self, now: float) -> None:
        """Rows as the guard before left them. What had ended by then is in them already."""
        for day in _two_days(now):
            saved = self._world.journal.evidence(self._world.service, ROWS, day)
            if saved is not None:
                self._hours |= {int(hour): list(counts) for hour, counts in saved["hours"].items()}
                self._counted_until = max(self._counted_until, float(saved["until"]))


def _two_days(now: float) -> tuple[str, str]:
    return day_of(now - DAY), day_of(now)
