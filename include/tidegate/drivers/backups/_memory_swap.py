"""A restored database put in the live one's place, in memory."""

from __future__ import annotations

from collections.abc import Callable

from tidegate.drivers._world import Effect, Faults, World, refuse_stale
from tidegate.drivers.backups.contract import Restored, Standing
from tidegate.drivers.token import Token
from tidegate.errors import Refused


class Swaps:
    """``live``: id of the restored database that is the live one, "" for the one that always was. ``copies``: those
    that are loaded; ``halves``: those of which not all was. ``late``: regions that do not follow. ``held``: the newest
    epoch that the live database has seen."""

    world: World
    faults: Faults
    beside: dict[str, Restored]

    def __init__(self) -> None:
        self.live = ""
        self.copies: set[str] = set()
        self.halves: set[str] = set()
        self.swapped: set[str] = set()
        self.late: tuple[str, ...] = ()
        self.held = 0

    def standing(self, restored: str, region: str) -> Standing:
        self.faults.on_call()
        loaded = restored in self.copies - self.swapped
        return Standing(f"restored_{restored}", f"replaced_{restored}", loaded, restored in self.swapped)

    def load(self, restored: str, region: str, token: Token) -> None:
        if restored not in self.beside:
            raise Refused(f"there is no restored database {restored!r}", next_step="restore it again")
        if restored not in self.copies:
            self._do("load", restored, token, lambda: self.copies.add(restored))

    def swap(self, restored: str, region: str, token: Token) -> None:
        if restored in self.swapped:
            return
        if restored not in self.copies:
            raise Refused(f"{restored} is not there in full", next_step="load it first")
        self._do("swap", restored, token, lambda: self._exchange(restored))

    def follow(self, restored: str, region: str) -> tuple[str, ...]:
        self.faults.on_call()
        return self.late

    def drop_copy(self, restored: str, region: str, token: Token) -> None:
        if restored in self.copies - self.swapped:
            self._do("drop_copy", restored, token, lambda: self.copies.discard(restored))

    def _exchange(self, restored: str) -> None:
        self.live = restored
        self.swapped.add(restored)

    def _do(self, verb: str, restored: str, token: Token, change: Callable[[], None]) -> None:
        with self.world.lock:
            self.faults.on_call()
            refuse_stale("the live database", self.held, token.epoch, token.operation)
            self.held = token.epoch
            self.faults.due(verb, done=False)
            effect = Effect("backups", verb, restored, token.epoch, token.operation)
            self.world.perform(effect, change)
            self.faults.due(verb, done=True)
