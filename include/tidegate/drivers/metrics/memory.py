"""Metrics in memory: a test pushes what users would have seen."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping

from pydantic import BaseModel, ConfigDict

from tidegate.drivers._world import Faults, World, world_of
from tidegate.drivers.site import Site
from tidegate.errors import Refused
from tidegate.model.observation import Batch, Counters, Observation
from tidegate.model.topology import Arm

MOST = 20_000  # observations per batch


class Settings(BaseModel):
    """None."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def connect(settings: Settings, site: Site) -> MemoryMetrics:
    """Metrics without any observation, in the world of ``site``'s service."""
    return MemoryMetrics(world_of(site))


class MemoryMetrics:
    """``clock``: epoch seconds. ``healthy`` and ``targets``: what :meth:`counters` says of targets."""

    unit = "session"
    resolution = 0.0

    def __init__(self, world: World | None = None, clock: Callable[[], float] = time.time) -> None:
        self.world = world or World()
        self.faults = Faults()
        self.clock = clock
        self.healthy: Mapping[Arm, int] = {}
        self.targets: Mapping[Arm, int] = {}
        self._log: list[Observation | str] = []
        self._newest: list[float | None] = [None]  # end of the newest request among the first n rows

    def push(self, observations: Iterable[Observation]) -> None:
        """Requests that have ended, in the order in which their lines are written."""
        with self.world.lock:
            for one in observations:
                self._log.append(one)
                self._newest.append(max(self._newest[-1] or 0.0, one.at + one.milliseconds / 1000))

    def push_malformed(self, sample: str) -> None:
        """A line that nobody understands."""
        with self.world.lock:
            self._log.append(sample)
            self._newest.append(self._newest[-1])

    def ping(self) -> None:
        self.faults.on_call()

    def follow(self, cursor: str | None) -> Batch:
        self.faults.on_call()
        now = self.clock()
        with self.world.lock:
            start = len(self._log) if cursor is None else self._index(cursor)
            rows = self._log[start : start + MOST]
            end = start + len(rows)
            newest = self._newest[end]
        malformed = [row for row in rows if isinstance(row, str)]
        return Batch(
            observations=tuple(row for row in rows if isinstance(row, Observation)),
            cursor=str(end),
            read_at=now,
            malformed=len(malformed),
            sample=malformed[0] if malformed else "",
            lag_seconds=None if newest is None else max(0.0, now - newest),
        )

    def counters(self) -> Counters:
        self.faults.on_call()
        with self.world.lock:
            seen = [row for row in self._log if isinstance(row, Observation)]
        requests: dict[Arm, int] = dict.fromkeys(self.targets, 0)
        errors: dict[Arm, int] = dict.fromkeys(self.targets, 0)
        for one in seen:
            if one.arm is not None:
                requests[one.arm] = requests.get(one.arm, 0) + 1
                errors[one.arm] = errors.get(one.arm, 0) + (one.status >= 500)
        refused = sum(one.refused for one in seen)
        flying = dict.fromkeys(requests, 0)
        return Counters(self.clock(), requests, errors, flying, self.healthy, self.targets, refused)

    def _index(self, cursor: str) -> int:
        if not cursor.isdigit() or int(cursor) > len(self._log):
            raise Refused(f"not a cursor of this driver: {cursor[:80]!r}", next_step="start with none")
        return int(cursor)
