"""How much traffic each region gets, counted from what the edge logs."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from tidegate.model.observation import Observation

WINDOW = 5.0  # seconds


class Demand:
    """Requests per second by region over the last five seconds of the log."""

    def __init__(self, regions: Iterable[str]) -> None:
        self._regions = tuple(regions)
        self._seen: deque[tuple[float, str]] = deque()

    def add(self, observations: Iterable[Observation]) -> None:
        self._seen.extend((o.at, o.arm.region) for o in observations if o.arm is not None)

    def rates(self, now: float) -> dict[str, float]:
        """Every region, 0.0 where nothing came."""
        while self._seen and self._seen[0][0] < now - WINDOW:
            self._seen.popleft()
        counts = dict.fromkeys(self._regions, 0)
        for _, region in self._seen:
            counts[region] = counts.get(region, 0) + 1
        return {region: count / WINDOW for region, count in counts.items()}
