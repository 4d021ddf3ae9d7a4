"""Database drivers: roles, where to read, and how the one place that takes writes is moved."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from tidegate.drivers.token import Token
from tidegate.model.lost_write import Kept, LedgerOrder, LostWrite, Reapplied
from tidegate.model.projection import Projection

PROBE_SECONDS = 5.0  # a probe's longest flight
KEYS_SHOWN = 20  # of rows that differ, at most


@dataclass(frozen=True)
class DatabaseState:
    """One region's database. ``role``: ``primary``, ``standby`` or ``unreachable``. ``lag_bytes``: behind the primary,
    None where it is not known. ``why``: for an unreachable one, what came instead of an answer, without secrets.

    Positions are bytes of write-ahead log since its beginning: ``position`` what a primary has written or a standby has
    replayed, ``received`` what a standby holds durably, replayed or not. ``timeline`` grows by each promotion.
    ``lag_seconds``: age of the newest change that a standby shows, 0 where it shows all that it has received.
    ``streaming``: a standby's line to its primary is up. ``synchronous``: for a standby, whether the primary waits for
    it, as the primary says. ``read_only``: a primary that was told to take no writes. None: not known. ``slots``: what
    holds its log back for somebody who reads it, by name; ``idle``: those of them that nobody reads now, so that the
    log grows until the disk is full. ``scratch``: databases in which migrations were tried, and that are
    still there."""

    region: str
    role: str
    lag_bytes: int | None = None
    why: str = ""
    timeline: int | None = None
    position: int | None = None
    received: int | None = None
    lag_seconds: float | None = None
    streaming: bool | None = None
    synchronous: bool | None = None
    read_only: bool = False
    slots: tuple[str, ...] = ()
    scratch: tuple[str, ...] = ()
    idle: tuple[str, ...] = ()


@dataclass(frozen=True)
class Fence:
    """Proof that a region's database accepts no write and cannot begin to.

    ``proof``: ``stopped`` (its own control says that it is off, and starts it as a standby only) or ``power`` (the
    switch outside it says that nothing of it is left and that nothing may start). ``position``: its last, in bytes,
    None where it could not be asked. ``detail``: what was seen, in words, for the journal."""

    region: str
    proof: str
    position: int | None
    detail: str

    def to_json(self) -> dict[str, Any]:
        return {"region": self.region, "proof": self.proof, "position": self.position, "detail": self.detail}


@dataclass(frozen=True)
class DatabaseAddress:
    """A SQLAlchemy URL with its secret; never printed."""

    region: str
    url: str = field(repr=False)


@dataclass(frozen=True)
class Difference:
    """What a replay would change, in one look. ``wrong``, ``missing``, ``extra``: rows. ``keys``: some of them, at most
    :data:`KEYS_SHOWN`, masked where personal. ``position``: up to where the log was read, in the database's own
    words."""

    wrong: int
    missing: int
    extra: int
    keys: tuple[str, ...]
    position: str

    @property
    def rows(self) -> int:
        return self.wrong + self.missing + self.extra

    def __str__(self) -> str:
        return f"{self.wrong} rows wrong, {self.missing} missing, {self.extra} that no event explains"


@dataclass(frozen=True)
class RepairOrder:
    """Exactly one of ``sql`` (one statement, run once) and ``projection`` (rebuilt from its events). ``name``: of the
    repair in the policy, which with the operation is the key under which it is done once."""

    name: str
    sql: str = ""
    projection: Projection | None = None


@dataclass(frozen=True)
class Repaired:
    """What the database itself has on record of one repair of one operation. ``changed``: rows, over all tries.
    ``kept``: rows that no event explains and that were left alone. ``epoch``: of the last try."""

    name: str
    done: bool
    changed: int
    position: str
    epoch: int
    kept: int = 0

    def to_json(self) -> dict[str, Any]:
        return {"changed": self.changed, "kept": self.kept, "position": self.position, "done": self.done}


class Database(Protocol):
    """Contract of the family.

    :meth:`repair`, :meth:`keep_lost`, :meth:`reapply` and the moving verbs (:meth:`quiesce` to :meth:`synchronise`)
    write; the rest only looks. The moving
    verbs are idempotent, and raise ``LeaseLost`` for an epoch that is older than one seen where the system can hold it:
    on a primary that answers. A switch of power and a promotion hold none; what protects them is the journal's lease,
    and that each call ends within the longest flight that the driver states. ``Refused`` comes before anything was
    sent, and where the driver was not given what a verb needs.
    """

    def observe(self) -> Mapping[str, DatabaseState]:
        """Every region's state, by region. An unreachable one is a state, not an error."""
        ...

    def probe(self, region: str) -> DatabaseState:
        """One region's state, asked alone, as often as several times a second: its role, and why it does not answer.
        Raises ``Rejected`` if it answers and refuses the question (a wrong password is no loss), ``Refused`` for a
        region that is not known. Returns within :data:`PROBE_SECONDS`."""
        ...

    def primary(self) -> DatabaseAddress:
        """Where writes go now, as proved by asking it. Raises ``Unreachable`` if none answers, ``NotYet`` if none
        is a primary, ``Refused`` if two are."""
        ...

    def standbys(self) -> tuple[DatabaseAddress, ...]:
        """Where the standbys are read, those that do not answer among them; without the primary."""
        ...

    def difference(self, projection: Projection, personal: Collection[str] = ()) -> Difference:
        """Where the table is not what its events say, in one snapshot of both. Raises as :meth:`primary`, and
        ``Rejected`` where the rule does not fit."""
        ...

    def repaired(self, operation: str, name: str) -> Repaired | None:
        """What the primary has on record of that repair, None if it was never begun."""
        ...

    def repair(self, order: RepairOrder, token: Token) -> Repaired:
        """Do it, or carry it on, on the primary; nothing if it is done already.

        A statement runs in one transaction with its record. A projection is mended key by key while others write: no
        write is lost, and none is refused because of it. Raises ``LeaseLost`` if a newer epoch has written here,
        ``NotYet`` (a lock; nothing changed), ``NotSettled`` (rows that stay locked or are written wrong again),
        ``Rejected``, ``OutcomeUnknown``; a later try carries on.
        """
        ...

    def quiesce(self, region: str, token: Token) -> int:
        """The primary in ``region`` takes no write from now on, whoever asks. Returns its last position in bytes.
        Raises ``Refused`` if it is none, ``Unreachable``, ``OutcomeUnknown``, ``NotSettled`` if a session still
        writes."""
        ...

    def unquiesce(self, region: str, token: Token) -> None:
        """The way back from :meth:`quiesce`. Raises ``Refused`` if ``region`` is no primary or another one is."""
        ...

    def fence(self, region: str, token: Token, *, graceful: bool) -> Fence:
        """See to it that ``region`` accepts no write and cannot begin to. Returns the proof.

        ``graceful``: by its own control and cleanly, a connected standby being sent everything first; by power only if
        the control does not answer. Not graceful: by power. Raises ``Unreachable`` if no proof can be had that way,
        ``OutcomeUnknown``, ``NotSettled`` if it has not come to rest."""
        ...

    def fenced(self, region: str) -> Fence | None:
        """What proves now that ``region`` takes no writes; None where nothing does. Only looks, and never raises for
        what does not answer."""
        ...

    def promote_database(self, region: str, token: Token) -> None:
        """The standby in ``region`` takes writes when this returns. Nothing if it did already. One that its own control
        has stopped is started first: so a move turns back whose other side cannot be promoted.

        Whether the old primary is fenced is for the caller to know. Raises ``Refused`` if another region's database
        answers as a primary, ``Unreachable`` if this one does not answer, and ``OutcomeUnknown`` for any error once it
        was asked: look at this region, never promote another one."""
        ...

    def writers(self) -> tuple[str, ...]:
        """Regions whose database accepts a write now, as proved by writing. One that does not answer is not among
        them, which proves nothing: see :meth:`fenced`."""
        ...

    def reprotect(self, region: str, token: Token) -> str:
        """The fenced or stopped database in ``region`` becomes a standby of today's primary, and streams from it when
        this returns. Power comes back first where it was taken. What it alone had is gone afterwards: keep it first.
        Returns the way that was taken, in words.

        Raises ``Refused`` if it takes writes itself, ``NotYet`` without a primary, ``Unreachable``, ``OutcomeUnknown``,
        ``NotSettled``."""
        ...

    def synchronise(self, region: str | None, token: Token) -> None:
        """From now on today's primary acknowledges a write only when the standby in ``region`` holds it durably; None:
        it waits for nobody. Raises ``Refused`` if that region has no standby that streams."""
        ...

    def mark(self, region: str) -> str:
        """How far a standby has come, in the database's own words, for :meth:`keep_lost` to tell what came later. Never
        later than it is promoted. Raises ``Refused`` of a primary, ``Unreachable``."""
        ...

    def keep_lost(self, order: LedgerOrder, token: Token) -> Kept:
        """Rows that the fenced old primary alone has, read from it and kept on today's primary in one transaction;
        nothing if that ledger is kept already. Rows that it alone has deleted are none.

        It gets power, and is started as a standby, where it does not run; nothing of its own is changed. Raises
        ``Refused`` if it takes writes, ``Unreachable`` if it cannot be read, ``NotYet`` without a primary,
        ``LeaseLost``, ``NotSettled``, ``Rejected`` (a table or a key is not there), ``OutcomeUnknown``."""
        ...

    def kept(self, ledger: str) -> Kept | None:
        """What today's primary has on record of that ledger, None if it was never kept."""
        ...

    def lost(self, ledger: str, numbers: Collection[int] = ()) -> tuple[LostWrite, ...]:
        """Its entries, in their order: those that are named, all if none is."""
        ...

    def reapply(self, ledger: str, number: int, token: Token) -> Reapplied:
        """Write the entry's row to today's primary, in one transaction with the record that it was: done twice it is
        done once. A row that is there as it was needs nothing; one that has become another one since the failover is a
        conflict, and is left alone. Raises ``Refused`` for an entry that is not there, and as :meth:`repair`."""
        ...

    def ping(self) -> None:
        """Raises ``Unreachable`` if no database answers."""
        ...
