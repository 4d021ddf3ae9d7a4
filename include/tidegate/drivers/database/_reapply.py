"""Lost writes that are kept on the new primary: read, and written back one by one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, LiteralString

from tidegate.drivers.database._lost_tables import columns_of, read_kept, set_up, there
from tidegate.drivers.database._repair import opened, translated
from tidegate.drivers.token import Token
from tidegate.errors import Refused
from tidegate.model.lost_write import Kept, Lack, LostWrite, Reapplied

_LOST = """
SELECT number, relation, key_column, key, lack, old, new, reapplied_at IS NOT NULL FROM tidegate.lost_writes
WHERE service = %s AND ledger = %s AND (number = ANY(%s) OR cardinality(%s::bigint[]) = 0) ORDER BY number"""
_ONE = """
SELECT relation, key_column, key, lack, old::text, new::text, untouched, reapplied_at IS NOT NULL
FROM tidegate.lost_writes WHERE service = %s AND ledger = %s AND number = %s FOR UPDATE"""
_DONE = """
UPDATE tidegate.lost_writes SET reapplied_at = clock_timestamp() WHERE service = %s AND ledger = %s AND number = %s"""

_INSERT: LiteralString = """
INSERT INTO {table} ({columns}) OVERRIDING SYSTEM VALUE
SELECT {columns} FROM jsonb_populate_record(NULL::{table}, %s::jsonb)"""
_UPDATE: LiteralString = """
UPDATE {table} SET ({columns}) = (SELECT {columns} FROM jsonb_populate_record(NULL::{table}, %s::jsonb))
WHERE {key} = %s::text::{kind}"""


def kept(uri: str, service: str, ledger: str) -> Kept | None:
    """See :meth:`~tidegate.drivers.database.contract.Database.kept`."""

    def found() -> Kept | None:
        with opened(uri) as connection:
            return read_kept(connection, service, ledger)

    return translated(found, sent=False, what="ledger")


def lost(uri: str, service: str, ledger: str, numbers: Sequence[int]) -> tuple[LostWrite, ...]:
    """See :meth:`~tidegate.drivers.database.contract.Database.lost`."""

    def found() -> tuple[LostWrite, ...]:
        with opened(uri) as connection:
            wanted = list(numbers)
            rows = connection.execute(_LOST, (service, ledger, wanted, wanted)).fetchall() if there(connection) else ()
        return tuple(LostWrite(n, t, c, k, Lack(la), old, new, done) for n, t, c, k, la, old, new, done in rows)

    return translated(found, sent=False, what="ledger")


def reapply(uri: str, service: str, ledger: str, number: int, token: Token) -> Reapplied:
    """See :meth:`~tidegate.drivers.database.contract.Database.reapply`."""

    def done() -> Reapplied:
        with opened(uri) as connection:
            fence = set_up(connection, service, token)
            connection.execute("SET LOCAL lock_timeout = '2s'")
            fence.hold(token)
            row = connection.execute(_ONE, (service, ledger, number)).fetchone()
            if row is None:
                raise Refused(f"the ledger {ledger} has no entry {number}", next_step="tidegate ledger show")
            found = _Entry(number, *row).write(connection)
            if found.done:
                connection.execute(_DONE, (service, ledger, number))
                connection.commit()
            return found

    return translated(done, sent=True, what="ledger")


@dataclass(frozen=True)
class _Entry:
    """``old`` and ``new`` as text: a number of many digits would not survive being read."""

    number: int
    table: str
    key_column: str
    key: str
    lack: str
    old: str
    new: str | None
    untouched: bool
    reapplied: bool

    def write(self, connection: Any) -> Reapplied:
        """In the caller's transaction, which is not committed where this is a conflict."""
        import psycopg

        if self.reapplied:
            return Reapplied(self.number, True, "it was written before")
        old = _read(self.old)
        written = [c for c in columns_of(connection, self.table, self.key_column).written if c in old]
        there = self._there(connection)
        if any(all(row.get(c) == old[c] for c in written) for row in map(_read, there)):
            return Reapplied(self.number, True, "it is there already")
        if why := self._conflict(there):
            return Reapplied(self.number, False, conflict=why)
        try:
            self._put(connection, written)
        except (psycopg.errors.IntegrityError, psycopg.errors.RaiseException) as error:
            words = (error.diag.message_primary or type(error).__name__)[:200]
            return Reapplied(self.number, False, conflict=f"the database refuses the row: {words}")
        return Reapplied(self.number, True, "written")

    def _there(self, connection: Any) -> list[str]:
        from psycopg import sql

        kind = sql.SQL(columns_of(connection, self.table, self.key_column).key_type)
        names = {"table": sql.Identifier(self.table), "key": sql.Identifier(self.key_column), "kind": kind}
        query = sql.SQL("SELECT to_jsonb(t)::text FROM {table} AS t WHERE t.{key} = %s::text::{kind} FOR UPDATE")
        return [row for (row,) in connection.execute(query.format(**names), (self.key,)).fetchall()]

    def _conflict(self, there: Sequence[str]) -> str:
        if self.lack == Lack.MISSING:
            return f"{self.table} has another row of that key by now" if there else ""
        if not there:
            return f"the row in {self.table} was deleted since"
        if not self.untouched or list(there) != [self.new]:
            return f"the row in {self.table} was written since the failover: both sides have changed it"
        return ""

    def _put(self, connection: Any, written: Sequence[str]) -> None:
        """A new row, or the columns of one that nobody has written since the failover."""
        from psycopg import sql

        chosen = [c for c in written if self.lack == Lack.MISSING or c != self.key_column]
        names = {
            "table": sql.Identifier(self.table),
            "columns": sql.SQL(", ").join(sql.Identifier(c) for c in chosen),
            "key": sql.Identifier(self.key_column),
            "kind": sql.SQL(columns_of(connection, self.table, self.key_column).key_type),
        }
        if self.lack == Lack.MISSING:
            connection.execute(sql.SQL(_INSERT).format(**names), (self.old,))
        else:
            connection.execute(sql.SQL(_UPDATE).format(**names), (self.old, self.key))


def _read(row: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(row, parse_float=str)
    return found
