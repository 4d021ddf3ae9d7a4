"""Flags in memory, for tests and rehearsals: same contract, same refusals, and it counts what was done to it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace

from pydantic import BaseModel, ConfigDict

from tidegate.drivers._world import Effect, Faults, World, refuse_stale, world_of
from tidegate.drivers.flags._rules import refuse_unfit
from tidegate.drivers.flags.contract import Because, FlagsState, Setting
from tidegate.drivers.site import Site
from tidegate.drivers.token import Token
from tidegate.model.traffic import TOTAL


class Settings(BaseModel):
    """None."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def connect(settings: Settings, site: Site) -> MemoryFlags:
    """No flags yet, in the world of ``site``'s service."""
    return MemoryFlags(world_of(site))


class MemoryFlags:
    """``epochs``: of the write that each flag stands by. ``foreign_hand`` and ``lose`` are what others do to it."""

    def __init__(self, world: World | None = None) -> None:
        self.world = world or World()
        self.faults = Faults()
        self.because: dict[str, Because] = {}
        self.epochs: dict[str, int] = {}
        self._state = FlagsState(0)

    def ping(self) -> None:
        self.faults.on_call()

    def observe(self) -> FlagsState:
        self.faults.on_call()
        with self.world.lock:
            return FlagsState(self._state.epoch, broken=self._state.broken) if self._state.broken else self._state

    def settled(self, desired: Mapping[str, Setting], token: Token) -> bool:
        state = self.observe()
        return state.has(desired) and state.epoch >= token.epoch

    def apply(self, desired: Mapping[str, Setting], token: Token, because: Because) -> None:
        self.faults.before_apply()
        with self.world.lock:
            state = self._state
            refuse_stale("the flags", state.epoch, token.epoch, token.operation)
            refuse_unfit(desired, state)
            stale = {key: s for key, s in desired.items() if state.flags.get(key) != s}
            if stale or state.broken or state.epoch != token.epoch:
                self._perform("expose", stale, self._with(desired, token.epoch), token, because)
        self.faults.after_apply()

    def retire(self, key: str, token: Token, because: Because) -> None:
        self.faults.before_apply()
        with self.world.lock:
            refuse_stale("the flags", self._state.epoch, token.epoch, token.operation)
            if key not in self._state.retired:
                refuse_unfit([key], self._state)
                left = {k: s for k, s in self._state.flags.items() if k != key}
                new = replace(self._state, flags=left, retired=self._state.retired | {key}, epoch=token.epoch)
                self._perform("retire", {key: None}, new, token, because)
        self.faults.after_apply()

    def sees(self, key: str, customer: str) -> bool:
        """Whether this customer meets the new behaviour now; by what is known to be good if the source is lost."""
        state = self._state
        setting = state.flags.get(key, Setting(0))
        if state.broken or key in state.retired:
            return setting.default
        point = int.from_bytes(hashlib.sha256(f"{key}/{customer}".encode()).digest()[:8], "big") % TOTAL
        return point < setting.exposed

    def foreign_hand(self, key: str, *, edited: bool = False) -> None:
        """Somebody else puts a flag there, or changes one of ours."""
        with self.world.lock:
            left = {k: s for k, s in self._state.flags.items() if k != key}
            edited_now, foreign = (
                (frozenset({key}), frozenset[str]()) if edited else (frozenset[str](), frozenset({key}))
            )
            self._state = replace(
                self._state, flags=left, edited=self._state.edited | edited_now, foreign=self._state.foreign | foreign
            )

    def lose(self) -> None:
        """The source is gone. What was known to be good stands."""
        with self.world.lock:
            self._state = replace(self._state, broken="it is not there any more")

    def _with(self, desired: Mapping[str, Setting], epoch: int) -> FlagsState:
        flags = dict(self._state.flags)
        if self._state.broken:
            flags = {key: Setting(TOTAL if s.default else 0, s.default) for key, s in flags.items()}
        edited = self._state.edited - desired.keys()
        return replace(self._state, epoch=epoch, flags={**flags, **desired}, edited=edited, broken="")

    def _perform(
        self, verb: str, changed: Mapping[str, Setting | None], new: FlagsState, token: Token, because: Because
    ) -> None:
        def change() -> None:
            self._state = new
            self.epochs.update(dict.fromkeys(changed, token.epoch))
            self.because.update(dict.fromkeys(changed, because))

        detail = {key: str(setting) if setting else "retired" for key, setting in changed.items()}
        self.world.perform(Effect("flags", verb, ",".join(changed), token.epoch, token.operation, detail), change)
