"""Singletons in memory: part of :class:`~tidegate.drivers.compute.memory.MemoryCompute`."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tidegate.drivers._world import Effect, Faults, World, refuse_stale
from tidegate.drivers.compute.contract import SingletonState
from tidegate.drivers.token import Token


@dataclass(frozen=True)
class Held:
    """``told``: the epoch of the last order. ``runs``: the epoch under which the job runs, None if it does not."""

    told: int = 0
    runs: int | None = None


class MemorySingletons:
    """The contract's verbs, and what a test does to jobs from outside."""

    world: World
    faults: Faults
    _singletons: dict[tuple[str, str], Held]

    def singleton(self, region: str, name: str) -> SingletonState:
        self._call(region)
        with self.world.lock:
            held = self._singletons.get((region, name), Held())
        return SingletonState(region, name, held.runs, held.runs is not None)

    def start_singleton(self, region: str, name: str, token: Token) -> None:
        self._change("start_singleton", region, name, token, token.epoch)

    def stop_singleton(self, region: str, name: str, token: Token) -> None:
        self._change("stop_singleton", region, name, token, None)

    def running_singletons(self, name: str) -> dict[str, int]:
        """Region -> the epoch under which the job runs there, seen by nobody: no call, no fault."""
        with self.world.lock:
            found = self._singletons.items()
            return {region: held.runs for (region, job), held in found if job == name and held.runs is not None}

    def force_singleton(self, region: str, name: str, epoch: int | None = 0) -> None:
        """Have the job run, or not, from outside: as a region's power does. No effect is counted."""
        with self.world.lock:
            self._singletons[region, name] = replace(self._singletons.get((region, name), Held()), runs=epoch)

    def _change(self, verb: str, region: str, name: str, token: Token, runs: int | None) -> None:
        self._call(region)
        self.faults.due(verb, done=False)
        with self.world.lock:
            held = self._singletons.get((region, name), Held())
            refuse_stale(f"{name} in {region}", held.told, token.epoch, token.operation)
            self._singletons[region, name] = held = replace(held, told=token.epoch)
            if held.runs != runs:
                effect = Effect("compute", verb, f"{region}/{name}", token.epoch, token.operation)
                self.world.perform(effect, lambda: self._run(region, name, held, runs))
        self.faults.due(verb, done=True)

    def _run(self, region: str, name: str, held: Held, runs: int | None) -> None:
        self._singletons[region, name] = replace(held, runs=runs)

    def _call(self, region: str) -> None:
        raise NotImplementedError
