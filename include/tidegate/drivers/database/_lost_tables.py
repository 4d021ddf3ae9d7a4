"""Where lost writes are kept: two tables in the schema ``tidegate`` of the service's own database.

There, because a row has to be written back in the same transaction as the record that it was; and because the rows are
the service's data: they stay where that may be, are read by whoever may read it, and go into its backups.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tidegate.drivers.database._ledger import Ledger
from tidegate.drivers.token import Token
from tidegate.errors import Rejected
from tidegate.model.lost_write import Kept

_SETUP = """
CREATE TABLE IF NOT EXISTS tidegate.lost_ledgers (
  service text NOT NULL, ledger text NOT NULL, entries bigint NOT NULL, tables jsonb NOT NULL,
  kept_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (service, ledger));
CREATE TABLE IF NOT EXISTS tidegate.lost_writes (
  service text NOT NULL, ledger text NOT NULL, number bigint NOT NULL, relation text NOT NULL, key_column text NOT NULL,
  key text NOT NULL, lack text NOT NULL, old jsonb NOT NULL, new jsonb, untouched boolean NOT NULL,
  reapplied_at timestamptz, PRIMARY KEY (service, ledger, number))"""
_THERE = "SELECT to_regclass('tidegate.lost_ledgers') IS NOT NULL AND to_regclass('tidegate.lost_writes') IS NOT NULL"
KEEP_ENTRY = """
INSERT INTO tidegate.lost_writes (service, ledger, number, relation, key_column, key, lack, old, new, untouched)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"""
KEEP_LEDGER = "INSERT INTO tidegate.lost_ledgers (service, ledger, entries, tables) VALUES (%s, %s, %s, %s)"
_KEPT = "SELECT entries, tables FROM tidegate.lost_ledgers WHERE service = %s AND ledger = %s"
_COLUMNS = """
SELECT attname, format_type(atttypid, atttypmod), attgenerated <> '', attidentity <> ''
FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped ORDER BY attnum"""


@dataclass(frozen=True)
class Columns:
    """``key_type``: of the key, in SQL. ``written``: what a row is written back with: not what the database makes up by
    itself (generated values; numbers of its own, unless they are the key)."""

    key_type: str
    written: tuple[str, ...]


def set_up(connection: Any, service: str, token: Token) -> Ledger:
    """Make the tables if they are not there, in a transaction of its own. Returns what holds the epoch."""
    import psycopg

    fence = Ledger(connection, service, token.operation, "lost writes")
    fence.set_up()
    if not there(connection):
        try:
            connection.execute(_SETUP)
        except (psycopg.errors.UniqueViolation, psycopg.errors.DuplicateTable):
            connection.rollback()  # somebody else made them at the same moment
    connection.commit()
    return fence


def there(connection: Any) -> bool:
    return bool(connection.execute(_THERE).fetchone()[0])


def read_kept(connection: Any, service: str, ledger: str) -> Kept | None:
    row = connection.execute(_KEPT, (service, ledger)).fetchone() if there(connection) else None
    return Kept(int(row[0]), row[1]) if row else None


def columns_of(connection: Any, table: str, key: str) -> Columns:
    """Raises ``Rejected`` if the table has no such key."""
    rows = connection.execute(_COLUMNS, (f'"{table}"',)).fetchall()
    types: Mapping[str, str] = {name: kind for name, kind, _, _ in rows}
    if key not in types:
        raise Rejected(
            f"the database has no table {table!r} with a column {key!r}",
            next_step="correct failover.ledger in the policy",
        )
    written = tuple(n for n, _, generated, identity in rows if not generated and (not identity or n == key))
    return Columns(types[key], written)


def number_of(column: str) -> str:
    """SQL for the full number of the transaction that wrote a row: the row itself holds the lower half only. Those
    below 3 are the server's own, older than any."""
    short, top = f"{column}::text::bigint", "(SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint)"
    wrapped = f"CASE WHEN {short} > ({top} & 4294967295) THEN 4294967296 ELSE 0 END"
    return f"(CASE WHEN {short} < 3 THEN {short} ELSE (({top} >> 32) << 32) + {short} - {wrapped} END)"
