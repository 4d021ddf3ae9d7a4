"""The record of repairs, in the service's own database: what makes a repair happen once, and refuses a stale actor.

It stands in a schema of its own, ``tidegate``, which is made when the first repair is. Every repairing transaction
takes the service's fence row first: two repairers come one after the other, and the one with the older epoch is
refused.
"""

from __future__ import annotations

from typing import Any

from tidegate.drivers.database.contract import Repaired
from tidegate.drivers.token import Token
from tidegate.errors import LeaseLost

_SETUP = """
CREATE SCHEMA IF NOT EXISTS tidegate;
CREATE TABLE IF NOT EXISTS tidegate.repair_fence (service text PRIMARY KEY, epoch bigint NOT NULL);
CREATE TABLE IF NOT EXISTS tidegate.repairs (
  service text NOT NULL, operation text NOT NULL, repair text NOT NULL,
  epoch bigint NOT NULL, done boolean NOT NULL DEFAULT false, changed bigint NOT NULL DEFAULT 0,
  kept bigint NOT NULL DEFAULT 0, position text NOT NULL DEFAULT '',
  begun_at timestamptz NOT NULL DEFAULT now(), done_at timestamptz,
  PRIMARY KEY (service, operation, repair)
)"""
_THERE = "SELECT to_regclass('tidegate.repairs') IS NOT NULL AND to_regclass('tidegate.repair_fence') IS NOT NULL"
_FENCE = """
INSERT INTO tidegate.repair_fence AS held (service, epoch) VALUES (%s, %s)
ON CONFLICT (service) DO UPDATE SET epoch = greatest(held.epoch, excluded.epoch) RETURNING epoch"""
_BEGIN = """
INSERT INTO tidegate.repairs (service, operation, repair, epoch) VALUES (%s, %s, %s, %s)
ON CONFLICT (service, operation, repair) DO UPDATE SET epoch = excluded.epoch"""
_READ = """
SELECT repair, done, changed, position, epoch, kept FROM tidegate.repairs
WHERE service = %s AND operation = %s AND repair = %s"""
_ADD = "UPDATE tidegate.repairs SET changed = changed + %s WHERE service = %s AND operation = %s AND repair = %s"
_DONE = """
UPDATE tidegate.repairs SET done = true, done_at = clock_timestamp(), position = %s, kept = %s
WHERE service = %s AND operation = %s AND repair = %s"""


class Ledger:
    """One repair's record. Its methods run inside the caller's transaction, but for :meth:`set_up`."""

    def __init__(self, connection: Any, service: str, operation: str, name: str) -> None:
        self._connection = connection
        self._service, self._key = service, (service, operation, name)

    def set_up(self) -> None:
        """Make the tables if they are not there, in a transaction of its own."""
        import psycopg

        if self._connection.execute(_THERE).fetchone()[0]:
            self._connection.commit()
            return
        try:
            self._connection.execute(_SETUP)
        except (psycopg.errors.UniqueViolation, psycopg.errors.DuplicateTable, psycopg.errors.DuplicateSchema):
            self._connection.rollback()  # somebody else made them at the same moment
        self._connection.commit()

    def hold(self, token: Token) -> None:
        """Take the fence until the transaction ends. Raises ``LeaseLost`` if a newer epoch was here."""
        epoch = self._connection.execute(_FENCE, (self._service, token.epoch)).fetchone()[0]
        if epoch > token.epoch:
            raise LeaseLost(
                f"a repair of {self._service} was made at epoch {epoch}, {token.operation} writes at {token.epoch}"
            )

    def begin(self, token: Token) -> Repaired:
        """Note that it is begun, or begun again."""
        self._connection.execute(_BEGIN, (*self._key, token.epoch))
        found = self.read()
        assert found is not None
        return found

    def read(self) -> Repaired | None:
        """The record, None if there is none or no table."""
        if not self._connection.execute(_THERE).fetchone()[0]:
            return None
        row = self._connection.execute(_READ, self._key).fetchone()
        return Repaired(*row) if row else None

    def add(self, rows: int) -> None:
        self._connection.execute(_ADD, (rows, *self._key))

    def finish(self, position: str, kept: int = 0) -> None:
        self._connection.execute(_DONE, (position, kept, *self._key))
