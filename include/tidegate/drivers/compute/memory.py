"""Slots in memory, for tests and rehearsals: same contract, same refusals, and it counts what was done to them."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from tidegate.drivers._world import Effect, Faults, World, refuse_stale, world_of
from tidegate.drivers.compute._memory_singletons import Held, MemorySingletons
from tidegate.drivers.compute.contract import InstanceState, SlotSpec, SlotState, unsealed
from tidegate.drivers.site import Site
from tidegate.drivers.token import Token
from tidegate.drivers.vault import Secret, Unseal, no_secrets
from tidegate.errors import Refused
from tidegate.model.release import Release
from tidegate.model.topology import Arm


class Settings(BaseModel):
    """None."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def connect(settings: Settings, site: Site) -> MemoryCompute:
    """Empty slots in the world of ``site``'s service."""
    return MemoryCompute(world_of(site), regions=site.regions)


@dataclass(frozen=True)
class _Instance:
    """``boot`` counts starts; ``looks``: observations until it is healthy. ``secrets``: digest of their versions."""

    digest: str
    boot: int
    looks: int
    secrets: str = ""


class MemoryCompute(MemorySingletons):
    """``looks_until_healthy``: how many times a new instance is seen unhealthy first. ``ports``: most instances of a
    slot. ``regions``: None takes any. ``skew``: seconds by which a region's clock is ahead."""

    def __init__(self, world: World | None = None, *, regions: Collection[str] | None = None, ports: int = 8) -> None:
        self.world = world or World()
        self.faults = Faults()
        self.looks_until_healthy = 0
        self._regions, self._ports = regions, ports
        self._slots: dict[Arm, dict[int, _Instance]] = {}
        self._told: dict[Arm, tuple[int, str | None]] = {}  # epoch, version
        self._sealed: dict[Arm, tuple[Secret, ...]] = {}
        self._dead: set[str] = set()
        self._boots = 0
        self._singletons: dict[tuple[str, str], Held] = {}
        self.now: Callable[[], float] = time.time
        self.skew: dict[str, float] = {}

    def ping(self, region: str) -> None:
        self._call(region)

    def clock(self, region: str) -> float:
        self._call(region)
        return self.now() + self.skew.get(region, 0.0)

    def observe(self, arm: Arm) -> SlotState:
        self._call(arm.region)
        with self.world.lock:
            slot = self._slots.setdefault(arm, {})
            state = self._state(arm)
            for index, instance in slot.items():
                slot[index] = replace(instance, looks=max(0, instance.looks - 1))
            return state

    def settled(self, arm: Arm, desired: SlotSpec) -> bool:
        return self.observe(arm).matches(desired)

    def apply(
        self, arm: Arm, desired: SlotSpec, token: Token, fetch: Callable[[], Path], unseal: Unseal = no_secrets
    ) -> None:
        """See the contract. ``fetch`` is called once if any instance has to be started."""
        self._call(arm.region)
        self.faults.before_apply()
        with self.world.lock:
            epoch, _ = self._told.get(arm, (0, None))
            refuse_stale(f"slot {arm}", epoch, token.epoch, token.operation)
            release = desired.release if desired.instances else None
            count = desired.instances if release else 0
            if count > self._ports:
                raise Refused(f"slot {arm} has {self._ports} ports, {count} instances are wanted")
            slot = self._slots.setdefault(arm, {})
            wanted = (release.digest, release.secrets_digest) if release else ("", "")
            good = {
                index
                for index, one in slot.items()
                if (one.digest, one.secrets) == wanted and _name(arm, index) not in self._dead
            }
            keep = good & set(range(count))
            if len(keep) < count:
                fetch()
            self._seal(arm, release, unseal)
            self._told[arm] = (token.epoch, release.version if release else None)
            self._converge(arm, token, wanted, keep, count)
        self.faults.after_apply()

    def _seal(self, arm: Arm, release: Release | None, unseal: Unseal) -> None:
        """The slot holds the release's secrets and no others."""
        if release is None or not release.secrets:
            self._sealed.pop(arm, None)
        elif {secret.which for secret in self._sealed.get(arm, ())} != set(release.secrets):
            self._sealed[arm] = unsealed(release, unseal)

    def sealed(self, arm: Arm) -> dict[str, str]:
        """Name -> value of the secrets that the slot's instances were given."""
        with self.world.lock:
            return {secret.which.name: secret.value for secret in self._sealed.get(arm, ())}

    def has_healthy(self, arm: Arm) -> bool:
        """Whether a router would find a healthy target in the slot. Counts as no observation."""
        with self.world.lock:
            return any(instance.healthy for instance in self._state(arm).instances)

    def look(self, arm: Arm) -> SlotState:
        """The slot as it is, seen by nobody: no call, no fault, no observation."""
        with self.world.lock:
            return self._state(arm)

    def boots(self, arm: Arm) -> dict[int, int]:
        """Instance -> number of its start, unique in this world: equal before and after means not restarted."""
        with self.world.lock:
            return {index: instance.boot for index, instance in self._slots.get(arm, {}).items()}

    def tamper(self, arm: Arm, index: int, digest: str) -> None:
        """Make one instance run other files than the rest."""
        with self.world.lock:
            self._slots[arm][index] = replace(self._slots[arm][index], digest=digest)

    def kill(self, arm: Arm, index: int | None = None) -> None:
        """Make one instance, or all of a slot, not answer any more until it is started again."""
        with self.world.lock:
            for one in self._slots.get(arm, {}) if index is None else (index,):
                self._dead.add(_name(arm, one))

    def force(self, arm: Arm, version: str, digest: str, instances: int) -> None:
        """Have a release run in a slot from outside, as a lab's start does. No effect is counted."""
        with self.world.lock:
            self._told[arm] = (self._told.get(arm, (0, None))[0], version)
            self._slots[arm] = {}
            self._sealed.pop(arm, None)
            for index in range(instances):
                self._start(arm, index, (digest, ""), looks=0)

    def _call(self, region: str) -> None:
        self.faults.on_call(region)
        if self._regions is not None and region not in self._regions:
            raise Refused(
                f"no compute is known for region {region!r}", next_step=f"regions: {', '.join(self._regions)}"
            )

    def _state(self, arm: Arm) -> SlotState:
        slot = self._slots.get(arm, {})
        instances = (self._seen(_name(arm, index), slot[index]) for index in sorted(slot))
        return SlotState(arm, self._told.get(arm, (0, None))[1], tuple(instances))

    def _seen(self, name: str, instance: _Instance) -> InstanceState:
        answers = name not in self._dead and not instance.looks
        return InstanceState(name, instance.digest if answers else None, answers, instance.secrets if answers else "")

    def _converge(self, arm: Arm, token: Token, digests: tuple[str, str], keep: set[int], count: int) -> None:
        for index in sorted(self._slots[arm].keys() - keep):
            self._perform(arm, index, "stop", token, partial(self._stop, arm, index))
        for index in range(count):
            if index not in keep:
                looks = self.looks_until_healthy
                self._perform(arm, index, "start", token, partial(self._start, arm, index, digests, looks))

    def _perform(self, arm: Arm, index: int, verb: str, token: Token, change: Callable[[], None]) -> None:
        self.world.perform(Effect("compute", verb, _name(arm, index), token.epoch, token.operation), change)

    def _stop(self, arm: Arm, index: int) -> None:
        del self._slots[arm][index]
        self._dead.discard(_name(arm, index))

    def _start(self, arm: Arm, index: int, digests: tuple[str, str], looks: int) -> None:
        self._boots += 1
        self._dead.discard(_name(arm, index))
        self._slots[arm][index] = _Instance(digests[0], self._boots, looks, digests[1])


def _name(arm: Arm, index: int) -> str:
    return f"{arm.name}-{index}"
