"""Users that are only said to be there: for tests of drills."""

from __future__ import annotations

import time
from collections.abc import Callable

from pydantic import BaseModel, ConfigDict

from tidegate.drivers.load.contract import LoadProfile, Seen
from tidegate.drivers.site import Site
from tidegate.errors import Refused
from tidegate.model.drill import Users


class Settings(BaseModel):
    """None."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class MemoryLoad:
    """``saw``: what the users of any window saw. ``now``: the clock by which a run's time is over."""

    def __init__(self) -> None:
        self._runs: dict[str, float] = {}
        self._there: set[str] = set()
        self.saw: Callable[[float, float], Seen] = lambda since, until: Seen(Users(1000, 0, 0, 0))
        self.now: Callable[[], float] = time.time

    def start(self, which: str, profile: LoadProfile, lasts: float) -> None:
        if which not in self._runs:
            self._runs[which] = self.now() + lasts
            self._there.add(which)

    def ready(self, which: str) -> bool:
        return which in self.running()

    def seen(self, which: str, since: float, until: float) -> Seen:
        if which not in self._runs:
            raise Refused(f"no users were ever brought as {which}", next_step="start them first")
        return self.saw(since, until)

    def running(self) -> tuple[str, ...]:
        return tuple(which for which in sorted(self._there) if self._runs[which] > self.now())

    def stop(self, which: str) -> None:
        self._there.discard(which)

    def ping(self) -> None:
        return None


def connect(settings: Settings, site: Site) -> MemoryLoad:
    return MemoryLoad()
