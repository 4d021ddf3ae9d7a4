"""A row that the old primary had when it was lost, and the new one has not: one entry of the lost-write ledger."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tidegate.model.masking import shown


class Lack(StrEnum):
    """What the new primary lacks of it."""

    MISSING = "missing"  # it has no row of that key
    DIFFERENT = "different"  # it has another row of that key


class Closed(StrEnum):
    """How an entry was closed. ``UNREADABLE``: a whole ledger, whose old primary nobody can read any more."""

    REAPPLIED = "reapplied"
    SUPERSEDED = "superseded"
    DISCARDED = "discarded"
    UNREADABLE = "unreadable"


@dataclass(frozen=True)
class LedgerOrder:
    """What is to be kept. ``ledger``: its name, the failover's id. ``region``: of the old primary. ``tables``: with the
    column by which its rows are known, in the order in which they are reapplied. ``mark``: what the new primary had
    replayed when it took over (:meth:`~tidegate.drivers.database.contract.Database.mark`), "" where nobody knows: then
    every row is compared, and what has changed since the failover shows as well."""

    ledger: str
    region: str
    tables: tuple[tuple[str, str], ...]
    mark: str


@dataclass(frozen=True)
class LostWrite:
    """``number`` counts from 1 within its ledger. ``old``: the row as the old primary had it; ``new``: as the new one
    had it when the ledger was kept, None where it had none. ``reapplied``: it has been written to the new one."""

    number: int
    table: str
    key_column: str
    key: str
    lack: Lack
    old: Mapping[str, Any]
    new: Mapping[str, Any] | None
    reapplied: bool

    def shown(self, personal: Collection[str]) -> dict[str, Any]:
        """For people: values of personal columns masked, others cut to a length."""
        new = self.new
        columns = [name for name in self.old if new is None or self.old[name] != new.get(name)]
        return {
            "number": self.number,
            "table": self.table,
            "key": shown(self.key_column, self.key, personal),
            "lack": self.lack.value,
            "old": {name: shown(name, self.old[name], personal) for name in columns},
            "new": None if new is None else {name: shown(name, new.get(name), personal) for name in columns},
        }


@dataclass(frozen=True)
class Kept:
    """A ledger as the database has it on record. ``tables``: table -> lack -> rows."""

    entries: int
    tables: Mapping[str, Mapping[str, int]]


@dataclass(frozen=True)
class Reapplied:
    """``done``: the new primary has the row now, written by this or an earlier call, or by somebody else. ``conflict``:
    why it was not written; nothing has changed then."""

    number: int
    done: bool
    detail: str = ""
    conflict: str = ""


@dataclass(frozen=True)
class LedgerState:
    """What the journal says of the ledger of the last failover that may have lost writes. ``region``: of the old
    primary. ``mark``: as :class:`LedgerOrder`. ``asked_for``: the policy of that failover names tables. ``kept``: its
    rows have been read and are in safety; ``entries`` and ``tables`` count them. ``closed``: those that
    people have closed, by number. ``unreadable``: it is signed that nobody can read the old primary any more."""

    ledger: str
    region: str
    mark: str = ""
    asked_for: bool = False
    kept: bool = False
    entries: int = 0
    tables: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    closed: frozenset[int] = frozenset()
    unreadable: bool = False

    @property
    def open(self) -> tuple[int, ...]:
        return tuple(n for n in range(1, self.entries + 1) if n not in self.closed)

    @property
    def settled(self) -> bool:
        """Nothing is in the way of the old primary's return any more."""
        return self.unreadable or (self.kept and not self.open)

    @property
    def words(self) -> str:
        if self.unreadable:
            return f"what {self.region} alone had was closed as unreadable"
        if not self.kept:
            return f"what {self.region} alone had is not read yet"
        if not self.entries:
            return f"{self.region} had nothing that is missing"
        return f"{self.entries} rows that {self.region} alone had, {len(self.open)} of them open"
