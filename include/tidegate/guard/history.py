"""What the users of an operation met, second by second: for the pages, and for nobody's verdict.

The guard reads the log anyway; here it keeps, per region and arm, requests, failures and latency, and the weights in
force. The row lies outside the chain. It is bounded: with more than :data:`KEEP` points, two become one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tidegate.engine.guarding import HISTORY
from tidegate.engine.view import OperationView
from tidegate.engine.world import World
from tidegate.model.observation import Observation
from tidegate.model.topology import Arm, Slot
from tidegate.model.traffic import TOTAL

KEEP = 600  # points
SAVE_EVERY = 2.0  # seconds
OPEN = 2  # newest points that are still counted sample by sample

Figures = tuple[int, int, float, float]  # requests, failures, p50 and p99 in milliseconds
Samples = list[tuple[float, bool]]  # milliseconds, failed


class History:
    """Points of ``width`` seconds. ``saved``: a document of a guard before this one, to go on from."""

    def __init__(self, stable: Slot, regions: Iterable[str], saved: Mapping[str, Any] | None = None) -> None:
        self._stable, self._regions = stable, tuple(regions)
        self.width = 1.0
        self._closed: dict[int, dict[str, Figures]] = {}
        self._open: dict[int, dict[str, Samples]] = {}
        self._weights: dict[int, dict[str, int]] = {}
        self._from = 0.0
        if saved is not None:
            self._load(saved)

    def add(self, observations: Iterable[Observation]) -> None:
        """Count each request at its end; what was counted before the hand-over is passed over."""
        for seen in observations:
            ended = seen.at + seen.milliseconds / 1000
            if seen.arm is None or seen.arm.region not in self._regions or ended < self._from:
                continue
            self._count(int(ended // self.width), seen)

    def _count(self, index: int, seen: Observation) -> None:
        assert seen.arm is not None
        key = f"{seen.arm.region} {'stable' if seen.arm.slot is self._stable else 'candidate'}"
        failed = seen.failed
        if index in self._closed:
            cell = self._closed[index]
            one = (1, int(failed), seen.milliseconds, seen.milliseconds)
            cell[key] = _merged(cell[key], one) if key in cell else one
        else:
            self._open.setdefault(index, {}).setdefault(key, []).append((seen.milliseconds, failed))
            parts = {r: int(seen.split.within_region(Arm(r, self._stable.other)) * TOTAL) for r in self._regions}
            self._weights[index] = parts

    def document(self) -> dict[str, Any]:
        """JSON: ``points`` in order, each with the start of its second, figures by ``<region> <role>``, weights in
        basis points of the region."""
        self._close()
        figures = self._closed | {i: _figures(cells) for i, cells in self._open.items()}
        points = [
            {"at": index * self.width, "arms": {k: list(v) for k, v in cells.items()}, "weights": self._weights[index]}
            for index, cells in sorted(figures.items())
        ]
        return {"version": 1, "width": self.width, "points": points}

    def _close(self) -> None:
        for index in sorted(self._open)[:-OPEN]:
            self._closed[index] = _figures(self._open.pop(index))
        while len(self._closed) > KEEP:
            self._coarsen()

    def _coarsen(self) -> None:
        """Two points become one: requests and failures add up, p50 is their mean, p99 the higher of both."""
        for index in sorted(self._open):
            self._closed[index] = _figures(self._open.pop(index))
        before, self._closed = self._closed, {}
        self.width *= 2
        for index, cells in sorted(before.items()):
            there = self._closed.setdefault(index // 2, {})
            for key, value in cells.items():
                there[key] = _merged(there[key], value) if key in there else value
        self._weights = {index // 2: parts for index, parts in sorted(self._weights.items())}

    def _load(self, saved: Mapping[str, Any]) -> None:
        self.width = float(saved["width"])
        for point in saved["points"]:
            index = round(point["at"] / self.width)
            self._closed[index] = {k: (int(v[0]), int(v[1]), v[2], v[3]) for k, v in point["arms"].items()}
            self._weights[index] = dict(point["weights"])
            self._from = (index + 1) * self.width


class Recorder:
    """The history of one open operation, written every two seconds."""

    def __init__(self, world: World, view: OperationView) -> None:
        self.operation = view.id
        self._world = world
        self._saved_at = 0.0
        saved = world.journal.evidence(world.service, view.id, HISTORY)
        self._history = History(view.binding.stable_slot, view.plan.settings["region_order"], saved)

    def note(self, observations: Iterable[Observation], now: float) -> None:
        self._history.add(observations)
        if now - self._saved_at >= SAVE_EVERY:
            self.save()
            self._saved_at = now

    def save(self) -> None:
        self._world.journal.put_evidence(self._world.service, self.operation, HISTORY, self._history.document())


def _figures(cells: Mapping[str, Samples]) -> dict[str, Figures]:
    return {key: _of(samples) for key, samples in cells.items()}


def _of(samples: Samples) -> Figures:
    taken = sorted(ms for ms, _ in samples)
    count = len(taken)
    p50, p99 = taken[count // 2], taken[min(count - 1, int(count * 0.99))]
    return count, sum(failed for _, failed in samples), round(p50, 1), round(p99, 1)


def _merged(one: Figures, other: Figures) -> Figures:
    count = one[0] + other[0]
    p50 = (one[2] * one[0] + other[2] * other[0]) / count
    return count, one[1] + other[1], round(p50, 1), round(max(one[3], other[3]), 1)
