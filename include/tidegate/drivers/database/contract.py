"""Database drivers: roles, and where to read."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from tidegate.drivers.token import Token
from tidegate.model.projection import Projection

KEYS_SHOWN = 20  # of rows that differ, at most


@dataclass(frozen=True)
class DatabaseState:
    """One region's database. ``role``: ``primary``, ``standby`` or ``unreachable``. ``lag_bytes``: behind the primary,
    None where it is not known. ``why``: for an unreachable one, what came instead of an answer, without secrets."""

    region: str
    role: str
    lag_bytes: int | None = None
    why: str = ""


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
    """Contract of the family. Everything but :meth:`repair` only reads."""

    def observe(self) -> Mapping[str, DatabaseState]:
        """Every region's state, by region. An unreachable one is a state, not an error."""
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

    def ping(self) -> None:
        """Raises ``Unreachable`` if no database answers."""
        ...
