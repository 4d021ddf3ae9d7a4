"""What users meet while an operation is on its way back, second by second and by region, for the gates of its ladder.

The row lies outside the chain, holds the last three minutes, and is written once a second. A guard that replaces
another counts anew: what it has not seen itself is not there, so a gate waits a little longer.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tidegate.engine.guarding import AFTERMATH
from tidegate.engine.view import OperationView
from tidegate.engine.world import World
from tidegate.judge.aftermath import region_counts
from tidegate.model.observation import Observation
from tidegate.model.operation import OperationKind, OperationState

KEEP = 180  # seconds
SAVE_EVERY = 1.0  # seconds


class Aftermath:
    """``slow``: milliseconds above which a request counts as slow."""

    def __init__(self, regions: Iterable[str], slow: float) -> None:
        self._regions, self._slow = tuple(regions), slow
        self._seconds: dict[int, dict[str, list[int]]] = {}
        self._observed_at: float | None = None

    def add(self, observations: Iterable[Observation]) -> None:
        """Count each request in the second in which it began."""
        for seen in observations:
            if seen.arm is None or seen.arm.region not in self._regions:
                continue
            self._observed_at = max(seen.at, self._observed_at or seen.at)
            second = self._seconds.setdefault(int(seen.at), dict(region_counts(self._regions)))
            counts = second[seen.arm.region]
            counts[0] += 1
            counts[1] += seen.failed
            counts[2] += seen.milliseconds > self._slow

    def document(self, now: float) -> dict[str, Any]:
        """JSON: ``seconds`` in order, each with requests, failed and slow ones by region."""
        for old in [second for second in self._seconds if second < now - KEEP]:
            del self._seconds[old]
        seconds = [{"at": at, "regions": regions} for at, regions in sorted(self._seconds.items())]
        return {"version": 1, "written_at": now, "observed_at": self._observed_at, "seconds": seconds}


class AftermathRecorder:
    """The aftermath of one open operation: counted always, written once it is on its way back."""

    def __init__(self, world: World, view: OperationView) -> None:
        self.operation = view.id
        self._world = world
        self._saved_at = 0.0
        slow = float(view.plan.settings["objectives"]["latency_p99"]) * 1000
        self._aftermath = Aftermath(view.plan.settings["region_order"], slow)

    def note(self, view: OperationView, observations: Iterable[Observation], now: float) -> None:
        """Count, and write about once a second."""
        self._aftermath.add(observations)
        back = view.state is OperationState.STOPPING or view.kind is OperationKind.ROLLBACK
        if back and now - self._saved_at >= SAVE_EVERY:
            document = self._aftermath.document(now)
            self._world.journal.put_evidence(self._world.service, self.operation, AFTERMATH, document)
            self._saved_at = now
