"""Faults that are only said to be there: for tests of drills."""

from __future__ import annotations

import time
from collections.abc import Callable

from pydantic import BaseModel, ConfigDict

from tidegate.drivers.faults.contract import Fault, FaultKind, Injected
from tidegate.drivers.site import Site
from tidegate.errors import Refused

Change = Callable[[Fault], None]


class Settings(BaseModel):
    """``kinds``: what can be broken; everything if left out."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    kinds: tuple[FaultKind, ...] = tuple(FaultKind)


class MemoryFaults:
    """``on_inject``, ``on_lift``: what a test does to its memory estate when a fault comes and goes. ``now``: the
    clock by which a fault's time is over."""

    def __init__(self, settings: Settings) -> None:
        self._kinds = frozenset(settings.kinds)
        self._there: dict[str, Injected] = {}
        self.on_inject: Change = _nothing
        self.on_lift: Change = _nothing
        self.now: Callable[[], float] = time.time

    def kinds(self) -> frozenset[FaultKind]:
        return self._kinds

    def inject(self, which: str, fault: Fault, lasts: float) -> Injected:
        if fault.kind not in self._kinds:
            raise Refused(f"{fault.kind} cannot be had here", next_step=f"kinds: {', '.join(sorted(self._kinds))}")
        there = self._there.get(which)
        if there is not None and there.fault != fault:
            raise Refused(f"{which} is {there.fault} already", next_step="give each fault an id of its own")
        if there is None:
            now = self.now()
            there = self._there[which] = Injected(which, fault, now, now + lasts)
            self.on_inject(fault)
        return there

    def active(self) -> tuple[Injected, ...]:
        for one in [one for one in self._there.values() if one.until <= self.now()]:
            self.lift(one.id)
        return tuple(self._there.values())

    def lift(self, which: str) -> None:
        there = self._there.pop(which, None)
        if there is not None:
            self.on_lift(there.fault)

    def ping(self) -> None:
        return None


def _nothing(fault: Fault) -> None:
    return None


def connect(settings: Settings, site: Site) -> MemoryFaults:
    return MemoryFaults(settings)
