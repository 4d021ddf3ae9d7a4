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
        self._counted, self._refused = 0, 0
        self._requests: dict[Arm, int] = {}
        self._errors: dict[Arm, int] = {}
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
            self._count()
            requests = {**dict.fromkeys(self.targets, 0), **self._requests}
            errors = {**dict.fromkeys(self.targets, 0), **self._errors}
            refused = self._refused
        flying = dict.fromkeys(requests, 0)
        return Counters(self.clock(), requests, errors, flying, self.healthy, self.targets, refused)

    def _count(self) -> None:
        """What has come since the last look: a router's counters do not read its log again either."""
        for one in self._log[self._counted :]:
            if not isinstance(one, Observation):
                continue
            self._refused += one.refused
            if one.arm is not None:
                self._requests[one.arm] = self._requests.get(one.arm, 0) + 1
                self._errors[one.arm] = self._errors.get(one.arm, 0) + (one.status >= 500)
        self._counted = len(self._log)

    def _index(self, cursor: str) -> int:
        if not cursor.isdigit() or int(cursor) > len(self._log):
            raise Refused(f"not a cursor of this driver: {cursor[:80]!r}", next_step="start with none")
        return int(cursor)
