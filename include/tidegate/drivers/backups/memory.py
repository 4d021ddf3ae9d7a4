"""Backups in memory: what a test says is there."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace

from pydantic import BaseModel, ConfigDict

from tidegate.drivers._world import Faults, world_of
from tidegate.drivers.backups._memory_swap import Swaps
from tidegate.drivers.backups.contract import Backup, BackupState, Restored, TableDifference, Told
from tidegate.drivers.site import Site
from tidegate.errors import NotYet, Refused


class Settings(BaseModel):
    """None."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class MemoryBackups(Swaps):
    """``clock``: epoch seconds. ``gap``, ``trouble``, ``archived_until``: as observed. ``damaged``: ids of backups that
    show it when they are read in full. ``differences``: what every comparison finds, but that of a restored database
    with what was loaded of it; ``halves`` are not."""

    def __init__(self, settings: Settings, site: Site) -> None:
        super().__init__()
        self.world, self.faults = world_of(site), Faults()
        self.clock: Callable[[], float] = time.time
        self.backups: list[Backup] = []
        self.archived_until: float | None = None
        self.gap = self.trouble = ""
        self.damaged: set[str] = set()
        self.differences: tuple[TableDifference, ...] = ()
        self.beside: dict[str, Restored] = {}
        self._region, self._count = site.regions[0], 0

    def observe(self, *, read_again_after: float | None = None) -> BackupState:
        self.faults.on_call()
        newest = self._state().newest
        if newest is not None and read_again_after is not None and self.clock() - newest.read_at > read_again_after:
            self.backups[self.backups.index(newest)] = self._read(newest)
        return self._state()

    def take(self, *, keep: int) -> Backup:
        self.faults.before_apply()
        now = self.clock()
        taken = Backup(self._name(), self._region, now, now, 1, self._count, 1_000_000, now)
        self.backups.append(taken)
        fit = [one for one in self.backups if one.readable]
        if len(fit) > keep:
            self.backups = [one for one in self.backups if one.started >= fit[-keep].started]
        self.faults.after_apply()
        return taken

    def restore(self, to: float | None) -> Restored:
        self.faults.before_apply()
        backup = self._state().before(to)
        if backup is None or self.gap:
            raise Refused(self.gap or "no readable backup had ended by then", next_step="name another time")
        if self.archived_until is None or (to is not None and to > self.archived_until):
            raise NotYet("the archive has not come that far", next_step="wait and ask again")
        name = self._name()
        reached = self.archived_until if to is None else to
        self.beside[name] = Restored(name, backup.id, "127.0.0.1", 1, to, reached, backup.end, 0.0, 1_000_000)
        self.faults.after_apply()
        return self.beside[name]

    def restored(self) -> tuple[Restored, ...]:
        self.faults.on_call()
        return tuple(self.beside.values())

    def discard(self, restored: str) -> None:
        self._known(restored)
        del self.beside[restored]

    def compare(self, restored: str, live: str, other: str = "") -> tuple[TableDifference, ...]:
        self._known(restored)
        loaded = other == f"restored_{restored}" and restored not in self.halves
        return () if loaded else self.differences

    def address(self, restored: str, live: str) -> str:
        self._known(restored)
        return f"memory://{restored}"

    def keep_up(self, stop: threading.Event, told: Told, *, every: float, keep: int) -> None:
        self.archived_until = self.clock()
        newest = self._state().newest
        if newest is None or self.clock() - newest.ended > every:
            told(self.take(keep=keep).id)
        stop.wait()

    def ping(self) -> None:
        self.faults.on_call()

    def _state(self) -> BackupState:
        to = None if self.archived_until is None else self._count
        return BackupState(tuple(self.backups), self.archived_until, to, self.gap, self.trouble)

    def _read(self, backup: Backup) -> Backup:
        if backup.id in self.damaged:
            return replace(backup, readable=False, why="a file is not what was written", read_at=self.clock())
        return replace(backup, read_at=self.clock())

    def _known(self, restored: str) -> Restored:
        if restored not in self.beside:
            raise Refused(
                f"there is no restored database {restored!r}",
                next_step=f"there are: {', '.join(self.beside) or 'none'}",
            )
        return self.beside[restored]

    def _name(self) -> str:
        self._count += 1
        return f"b{self._count}"


def connect(settings: Settings, site: Site) -> MemoryBackups:
    return MemoryBackups(settings, site)
