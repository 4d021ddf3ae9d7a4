"""What a backups driver can do: base backups and a log archive outside the regions, and a database restored from them
beside the live one, which may be put in its place. Only :meth:`Backups.swap` changes what the service works on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol

from tidegate.drivers.token import Token


@dataclass(frozen=True)
class Backup:
    """A base backup. ``started``, ``ended``: epoch seconds; a restore to a time needs one that had ended before it. It
    holds the log of its own time; from ``end`` on, a position in bytes, the archive has to have everything.
    ``readable``: all of it is there, and was as it was written when it was last read in full, at ``read_at``. ``why``:
    what is wrong."""

    id: str
    source: str
    started: float
    ended: float
    timeline: int
    end: int
    size_bytes: int
    read_at: float
    readable: bool = True
    why: str = ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class BackupState:
    """``backups``: oldest first. ``archived_until``: epoch seconds by the primary's clock; every transaction that was
    committed until then is in the archive. None: nobody ever saw it reach the primary. ``archived_to``: position in
    bytes. ``gap``: what is missing between the newest readable backup and there, "" if nothing is. ``trouble``: why the
    archive does not go on, "" while it does."""

    backups: tuple[Backup, ...]
    archived_until: float | None = None
    archived_to: int | None = None
    gap: str = ""
    trouble: str = ""

    @property
    def newest(self) -> Backup | None:
        """The newest one that can be read."""
        return next((one for one in reversed(self.backups) if one.readable), None)

    def before(self, at: float | None) -> Backup | None:
        """The newest readable one that had ended by ``at``; the newest of all for None."""
        fit = [one for one in self.backups if one.readable and (at is None or one.ended <= at)]
        return fit[-1] if fit else None


@dataclass(frozen=True)
class Restored:
    """A database beside the live one, read-only. ``asked``: the time that it was to be brought to, None for the newest
    state; epoch seconds. ``reached``: when the last transaction that it has was committed, None if there is none since
    the backup. ``position``: where in the log it stands. ``runs``: whether it answers now."""

    id: str
    backup: str
    host: str
    port: int
    asked: float | None
    reached: float | None
    position: int
    seconds: float
    size_bytes: int
    runs: bool = True

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def stopped(self) -> Restored:
        return replace(self, runs=False)


@dataclass(frozen=True)
class TableDifference:
    """One table, compared row by row. ``only_live``: rows that the live database has and the restored one has not, as
    they are; ``only_restored`` the other way round. A row that was changed counts in both. None: no such table."""

    table: str
    live: int | None
    restored: int | None
    only_live: int
    only_restored: int

    @property
    def same(self) -> bool:
        return self.live is not None and self.live == self.restored and not (self.only_live or self.only_restored)


@dataclass(frozen=True)
class Standing:
    """How far a restored database has come into the live one's place. ``copy``, ``replaced``: the names, in the live
    server, of what is loaded there and of what it has replaced. ``loaded``: all of it is there; ``swapped``: it is the
    live database now."""

    copy: str
    replaced: str
    loaded: bool
    swapped: bool


Told = Callable[[str], None]


class Backups(Protocol):
    """Raises, from every method, ``Unreachable`` where the place of the backups cannot be had, and ``Rejected`` with
    what a program said."""

    def observe(self, *, read_again_after: float | None = None) -> BackupState:
        """Every backup: all files there, with their sizes. The newest one is read in full as well where that was last
        done longer than ``read_again_after`` seconds ago (None: not at all). Changes nothing but that note."""
        ...

    def take(self, *, keep: int) -> Backup:
        """Take one now, read it in full, and remove the oldest ones until ``keep`` readable ones are left, with the log
        that only those needed. Nothing is removed before the new one was read. Raises ``Refused`` while one is being
        taken, ``Rejected``."""
        ...

    def restore(self, to: float | None) -> Restored:
        """Bring the state of ``to`` (epoch seconds, by the primary's clock; None: the newest) up beside the live
        database: read in full first, then a server of its own on loopback that no client knows, and that takes no
        write. Raises ``Refused`` if no backup had ended by then, or the log has a gap; ``NotYet`` while the archive has
        not come that far; ``Rejected``, and then nothing is left behind."""
        ...

    def restored(self) -> tuple[Restored, ...]:
        """Those that were not discarded, oldest first."""
        ...

    def discard(self, restored: str) -> None:
        """Stop it and remove its files. Idempotent. Raises ``Refused`` for an id that is none."""
        ...

    def compare(self, restored: str, live: str, other: str = "") -> tuple[TableDifference, ...]:
        """Every table of the database at the URL ``live`` and of the restored one. Reads each row once. ``other``: the
        name of another database of that server, which is compared with in its stead."""
        ...

    def address(self, restored: str, live: str) -> str:
        """The URL ``live``, as it leads to the same database in the restored server."""
        ...

    def standing(self, restored: str, region: str) -> Standing:
        """Looks at the live server in ``region``. Raises ``Refused`` for names that no swap leaves, and where the
        driver was not given what a swap needs."""
        ...

    def load(self, restored: str, region: str, token: Token) -> None:
        """All of it into the live server, under a name that no client knows. Idempotent: a half is made anew. Raises
        ``LeaseLost``, ``Refused``, ``Rejected``, ``OutcomeUnknown``."""
        ...

    def swap(self, restored: str, region: str, token: Token) -> None:
        """What was loaded is the live database when this returns, and the live one is kept, in one step that happens or
        does not: whoever was connected is ended, and nobody is let in meanwhile. Idempotent. Raises ``LeaseLost``,
        ``Refused`` while it is not loaded, ``NotYet`` (nothing changed), ``OutcomeUnknown``."""
        ...

    def follow(self, restored: str, region: str) -> tuple[str, ...]:
        """Other regions that do not have the swap yet, or do not answer; in those that have it, nobody is connected to
        what was replaced any more. Waits a little."""
        ...

    def drop_copy(self, restored: str, region: str, token: Token) -> None:
        """The way back of :meth:`load`. Nothing where it was swapped in. Idempotent."""
        ...

    def keep_up(self, stop: threading.Event, told: Told, *, every: float, keep: int) -> None:
        """Archive the log, and take a backup whenever the newest is older than ``every`` seconds, until ``stop`` is
        set. ``told``: hears what changes."""
        ...

    def ping(self) -> None:
        """Whether the place can be read and a server be asked."""
        ...
