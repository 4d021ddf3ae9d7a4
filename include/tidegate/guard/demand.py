"""How much traffic each region gets and how it fares, counted from what the edge logs."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any

from tidegate.model.observation import Observation

WINDOW = 5.0  # seconds
HEALTH_WINDOW = 15.0  # seconds
HEALTH_EVERY = 1.0  # seconds between two looks at the health: it sorts


class Demand:
    """Requests per second by region over the last five seconds of the log, health over the last fifteen."""

    def __init__(self, regions: Iterable[str]) -> None:
        self._regions = tuple(regions)
        self._seen: deque[tuple[float, str, bool, float]] = deque()
        self._health: dict[str, Any] = {}
        self._health_at = 0.0

    def add(self, observations: Iterable[Observation]) -> None:
        self._seen.extend((o.at, o.arm.region, o.failed, o.milliseconds) for o in observations if o.arm is not None)

    def rates(self, now: float) -> dict[str, float]:
        """Every region, 0.0 where nothing came."""
        while self._seen and self._seen[0][0] < now - HEALTH_WINDOW:
            self._seen.popleft()
        counts = dict.fromkeys(self._regions, 0)
        for at, region, _, _ in reversed(self._seen):
            if at >= now - WINDOW:
                counts[region] = counts.get(region, 0) + 1
        return {region: count / WINDOW for region, count in counts.items()}

    def health(self, now: float) -> dict[str, Any]:
        """Region -> requests, failures and p99 in milliseconds (None without requests); at most a second old."""
        if now - self._health_at >= HEALTH_EVERY:
            self._health_at = now
            self._health = {region: self._of(region, now) for region in self._regions}
        return self._health

    def _of(self, region: str, now: float) -> dict[str, Any]:
        mine = [(failed, ms) for at, r, failed, ms in self._seen if r == region and at >= now - HEALTH_WINDOW]
        taken = sorted(ms for _, ms in mine)
        p99 = round(taken[min(len(taken) - 1, int(len(taken) * 0.99))], 1) if taken else None
        return {"requests": len(mine), "failed": sum(failed for failed, _ in mine), "p99": p99}
