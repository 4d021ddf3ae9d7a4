"""A router in memory, for tests and rehearsals: same contract, same refusals, and it counts what was done to it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping

from pydantic import BaseModel, ConfigDict

from tidegate.drivers._world import Effect, Faults, World, refuse_stale, world_of
from tidegate.drivers.site import Site
from tidegate.drivers.token import Token
from tidegate.drivers.traffic._rules import (
    refuse_alone,
    refuse_dead_arms,
    refuse_dead_preview,
    refuse_unfit_detours,
)
from tidegate.drivers.traffic.contract import DetourState, PreviewState, RouteState, WritesState
from tidegate.errors import NotSettled
from tidegate.model.admission import EVERYBODY, Admission
from tidegate.model.dependency import BreakerState
from tidegate.model.detour import Detour, detoured
from tidegate.model.preview_arm import PreviewRoute
from tidegate.model.topology import Arm
from tidegate.model.traffic import TOTAL, Endpoint, Split
from tidegate.model.writes import Halt, reads


class Settings(BaseModel):
    """None."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def connect(settings: Settings, site: Site) -> MemoryTraffic:
    """A router without routes, in the world of ``site``'s service."""
    return MemoryTraffic(world_of(site), site.endpoints)


class MemoryTraffic:
    """``healthy``: asked for each arm before a write; everything is healthy unless a test or an attached compute driver
    (``traffic.healthy = compute.has_healthy``) says otherwise. ``stuck``: writes are accepted and not taken.
    ``breakers``: by dependency, as a test wants them."""

    def __init__(self, world: World | None = None, endpoints: tuple[Endpoint, ...] = ()) -> None:
        self.world, self.endpoints = world or World(), endpoints
        self.faults = Faults()
        self.healthy: Callable[[Arm], bool] = lambda _: True
        self.stuck = False
        self.breakers: dict[str, BreakerState] = {}
        self._written = RouteState(0, None)
        self._in_force = RouteState(0, None)
        self._preview = PreviewState(0, None)
        self._writes = WritesState(0, None)
        self._detours = DetourState(0)

    def ping(self) -> None:
        self.faults.on_call()

    def observe(self) -> RouteState:
        self.faults.on_call()
        with self.world.lock:
            return self._in_force

    def observe_preview(self) -> PreviewState:
        self.faults.on_call()
        with self.world.lock:
            return self._preview

    def observe_writes(self) -> WritesState:
        self.faults.on_call()
        with self.world.lock:
            return self._writes

    def halt_writes(self, halt: Halt | None, token: Token) -> None:
        self.faults.before_apply()
        with self.world.lock:
            refuse_stale("whether writes are taken", self._writes.epoch, token.epoch, token.operation)
            if self._writes != WritesState(token.epoch, halt):
                refuse_alone(self._written)
                self._heed(halt, token)
        self.faults.after_apply()

    def observe_detours(self) -> DetourState:
        self.faults.on_call()
        with self.world.lock:
            return self._detours

    def detour(self, detours: tuple[Detour, ...], token: Token) -> None:
        self.faults.before_apply()
        with self.world.lock:
            refuse_stale("the detours", self._detours.epoch, token.epoch, token.operation)
            if self._detours != DetourState(token.epoch, detours):
                split = refuse_alone(self._written)
                new = [one for one in detours if one not in self._detours.detours]
                refuse_unfit_detours(new, split, self.endpoints, {arm for arm in split.arms if self.healthy(arm)})
                self._send_round(detours, token)
        self.faults.after_apply()

    def takes(self, method: str) -> bool:
        """Whether the router lets a request of this method through to an arm now, if its session is admitted."""
        return self.observe_writes().halt is None or reads(method)

    def observe_breakers(self, dependencies: Collection[str]) -> Mapping[str, BreakerState]:
        self.faults.on_call()
        return {name: found for name, found in self.breakers.items() if name in dependencies}

    def apply_preview(self, desired: PreviewRoute | None, token: Token) -> None:
        self.faults.before_apply()
        with self.world.lock:
            refuse_stale("the preview", self._preview.epoch, token.epoch, token.operation)
            if self._preview != PreviewState(token.epoch, desired):
                refuse_alone(self._written)
                refuse_dead_preview(desired, {desired.arm} if desired and self.healthy(desired.arm) else ())
                self._show(desired, token)
        self.faults.after_apply()

    def settled(self, desired: Split, token: Token) -> bool:
        state = self.observe()
        return state.split == desired and state.epoch >= token.epoch

    def apply(self, desired: Split, token: Token) -> None:
        self._route(desired, None, token)

    def admit(self, split: Split, admission: Admission, token: Token) -> None:
        self._route(split, admission, token)

    def _route(self, desired: Split, admission: Admission | None, token: Token) -> None:
        self.faults.before_apply()
        with self.world.lock:
            refuse_stale("the router", self._written.epoch, token.epoch, token.operation)
            wanted = RouteState(token.epoch, desired, self._written.admission if admission is None else admission)
            if self._written != wanted:
                healthy = {arm for arm in desired.arms if self.healthy(arm)}
                refuse_dead_arms(desired, self._written.split, healthy)
                self._perform(wanted, token)
        self.faults.after_apply()
        if not self.settled(desired, token) or self.observe().admission != wanted.admission:
            raise NotSettled(f"the router has not taken {desired} at epoch {token.epoch}")

    def force(self, split: Split, epoch: int = 0, admission: Admission = EVERYBODY) -> None:
        """Put routes in place from outside, as a lab's start or a foreign hand does. No effect is counted."""
        with self.world.lock:
            self._written = self._in_force = RouteState(epoch, split, admission)

    def admits(self, session: str) -> bool:
        """Whether the router answers a session at all now: the same ones each time, and more of them as the part
        grows."""
        point = int.from_bytes(hashlib.sha256(session.encode()).digest()[8:16], "big") % TOTAL
        return point < self.observe().admission.admitted

    def route(self, session: str, headers: Mapping[str, str] | None = None, endpoint: str = "") -> Arm:
        """Where the router sends a session now: sticky and monotone, as the real one. There must be routes.
        ``endpoint``: the class of its request, of use where one is on a detour."""
        shown = self.observe_preview().route
        if shown is not None and (headers or {}).get(shown.header) == shown.value:
            return shown.arm
        split = self.observe().split
        assert split is not None, "no routes yet"
        away = {one.endpoint: one.to for one in self._detours.detours}
        split = detoured(split, away[endpoint]) if endpoint in away else split
        point = int.from_bytes(hashlib.sha256(session.encode()).digest()[:8], "big") % TOTAL
        for arm, weight in split.weights:
            point -= weight
            if point < 0:
                return arm
        raise AssertionError("weights sum to less than the total")  # Split does not allow it

    def _perform(self, wanted: RouteState, token: Token) -> None:
        def change() -> None:
            self._written = wanted
            if not self.stuck:
                self._in_force = self._written

        limited = {} if wanted.admission == EVERYBODY else {"admission": str(wanted.admission)}
        detail = {"split": str(wanted.split), **limited}
        self.world.perform(Effect("traffic", "route", "routes", token.epoch, token.operation, detail), change)

    def _show(self, desired: PreviewRoute | None, token: Token) -> None:
        def change() -> None:
            self._preview = PreviewState(token.epoch, desired)

        detail = {"preview": str(desired or "")}
        self.world.perform(Effect("traffic", "preview", "routes", token.epoch, token.operation, detail), change)

    def _heed(self, halt: Halt | None, token: Token) -> None:
        def change() -> None:
            self._writes = WritesState(token.epoch, halt)

        detail = {"writes": str(halt or "")}
        self.world.perform(Effect("traffic", "writes", "routes", token.epoch, token.operation, detail), change)

    def _send_round(self, detours: tuple[Detour, ...], token: Token) -> None:
        def change() -> None:
            self._detours = DetourState(token.epoch, detours)

        detail = {"detours": ",".join(map(str, detours))}
        self.world.perform(Effect("traffic", "detours", "routes", token.epoch, token.operation, detail), change)
