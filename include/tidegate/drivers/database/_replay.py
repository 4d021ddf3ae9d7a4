"""A projection rebuilt from its event log while others write.

No table is swapped for another: sessions that wait for the old one would write to it, and be lost. Instead the rows
that differ are found in one snapshot of table and log, and mended in place, a few keys at a time
(:mod:`tidegate.drivers.database._mending`). Then one looks again, until a look finds nothing that began after every
transaction which was open at the beginning had ended: what such a one wrote could not be seen before. Being cut off
costs nothing but time, since whoever carries on looks first.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tidegate.drivers.database._ledger import Ledger
from tidegate.drivers.database._mending import PATIENCE, PATIENCE_FOR_ONE, Mending
from tidegate.drivers.database.contract import KEYS_SHOWN, Difference, Repaired
from tidegate.drivers.token import Token
from tidegate.errors import NotSettled, Refused
from tidegate.model.masking import shown
from tidegate.model.projection import Projection

BATCH = 200  # keys in one transaction
SETTLES_WITHIN = 60.0  # seconds without progress
_PLACE = "SELECT pg_current_wal_lsn()::text || ' (' || pg_current_snapshot()::text || ')'"
_NEXT = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
_OLDEST = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
_KEY_TYPE = """
SELECT format_type(a.atttypid, a.atttypmod), EXISTS (
  SELECT 1 FROM pg_index i WHERE i.indrelid = a.attrelid AND i.indisunique AND i.indisvalid
  AND i.indnkeyatts = 1 AND i.indkey[0] = a.attnum AND i.indpred IS NULL)
FROM pg_attribute a WHERE a.attrelid = to_regclass(%s) AND a.attname = %s AND NOT a.attisdropped"""
_COUNTED = """SELECT difference, count(*), (array_agg({key} ORDER BY {key}))[1:{shown}] FROM (
{differing}
) AS differing GROUP BY difference"""
_SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"


def difference(connection: Any, projection: Projection, personal: Sequence[str]) -> Difference:
    """What differs now. Reads only, in one snapshot."""
    connection.execute(_SNAPSHOT)
    columns = _columns(connection, projection)
    position = connection.execute(_PLACE).fetchone()[0]
    statement = _COUNTED.format(key=f'"{projection.key}"', shown=KEYS_SHOWN, differing=projection.differing(columns))
    found = {kind: (int(count), keys) for kind, count, keys in connection.execute(statement).fetchall()}
    connection.rollback()
    keys = [key for kind in ("wrong", "missing", "extra") for key in found.get(kind, (0, ()))[1]]
    some = tuple(shown(projection.key, key, personal) for key in keys[:KEYS_SHOWN])
    wrong, missing, extra = (found.get(kind, (0, ()))[0] for kind in ("wrong", "missing", "extra"))
    return Difference(wrong, missing, extra, some, position)


@dataclass
class Replay:
    """``reader`` looks, ``writer`` mends; both are plain psycopg connections, not in autocommit."""

    reader: Any
    writer: Any
    ledger: Ledger
    token: Token
    projection: Projection

    def run(self) -> Repaired:
        """Rebuild, or carry on. Raises ``NotSettled`` if rows stay locked, or are written wrong again."""
        self.ledger.set_up()
        begun = self._begin()
        if begun.done:
            return begun
        mending = self._mending()
        must_end = self._ask(_NEXT)
        deadline = time.monotonic() + SETTLES_WITHIN
        while True:
            ended = self._ask(_OLDEST) >= must_end  # asked before the look, so that the look sees what they wrote
            position, left, mended, kept = self._round(mending)
            if mended:
                deadline = time.monotonic() + SETTLES_WITHIN
            elif ended and not left:
                return self._finish(position, kept)
            if time.monotonic() > deadline:
                raise NotSettled(
                    f"{self.projection.projection} is not rebuilt: {left} rows stay locked or wrong"
                    + ("" if ended else ", and a transaction from before the rebuild is still open"),
                    next_step="end the transaction that holds them, then retry: what is mended stays mended",
                )
            if not mended:
                time.sleep(0.1)

    def _begin(self) -> Repaired:
        self.ledger.hold(self.token)
        begun = self.ledger.begin(self.token)
        self.writer.commit()
        return begun

    def _finish(self, position: str, kept: int) -> Repaired:
        self.ledger.hold(self.token)
        self.ledger.finish(position, kept)
        found = self.ledger.read()
        self.writer.commit()
        assert found is not None
        return found

    def _ask(self, question: str) -> int:
        answer = int(self.reader.execute(question).fetchone()[0])
        self.reader.rollback()
        return answer

    def _mending(self) -> Mending:
        row = self.reader.execute(_KEY_TYPE, (f'"{self.projection.projection}"', self.projection.key)).fetchone()
        columns = _columns(self.reader, self.projection)
        self.reader.rollback()
        if row is None or not row[1]:
            raise Refused(
                f"{self.projection.projection}.{self.projection.key} has no unique index: a row could be added twice",
                next_step="make one, then retry",
            )
        return Mending(self.projection, columns, row[0])

    def _round(self, mending: Mending) -> tuple[str, int, int, int]:
        """One look, and everything mended that can be: position, rows left, rows mended, rows kept."""
        self.reader.execute(_SNAPSHOT)
        position = self.reader.execute(_PLACE).fetchone()[0]
        seen = mended = kept = 0
        for kind, keys in self._differing(mending):
            if kind == "extra" and self.projection.extra == "keep":
                kept += len(keys)
                continue
            seen += len(keys)
            mended += self._mend(mending, kind, keys)
        self.reader.rollback()
        return position, max(0, seen - mended), mended, kept

    def _differing(self, mending: Mending) -> Iterator[tuple[str, list[str]]]:
        """Keys by what is wrong with them, a handful at a time, while the look's snapshot is held."""
        waiting: dict[str, list[str]] = {"wrong": [], "missing": [], "extra": []}
        cursor = self.reader.cursor(name="differing")
        cursor.itersize = 10 * BATCH
        cursor.execute(self.projection.differing(mending.columns))
        for key, kind in cursor:
            waiting[kind].append(key)
            if len(waiting[kind]) == BATCH:
                yield kind, waiting[kind]
                waiting[kind] = []
        cursor.close()
        yield from ((kind, keys) for kind, keys in waiting.items() if keys)

    def _mend(self, mending: Mending, kind: str, keys: list[str]) -> int:
        """Rows mended of ``keys``; in halves where somebody is in the way."""
        import psycopg

        try:
            changed = self._transaction(mending, kind, keys)
        except (psycopg.errors.QueryCanceled, psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
            self.writer.rollback()
            if len(keys) == 1:
                return 0
            half = len(keys) // 2
            return self._mend(mending, kind, keys[:half]) + self._mend(mending, kind, keys[half:])
        except BaseException:
            self.writer.rollback()
            raise
        self.writer.commit()
        return changed

    def _transaction(self, mending: Mending, kind: str, keys: list[str]) -> int:
        run = self.writer.execute
        run(f"SET LOCAL statement_timeout = {PATIENCE if len(keys) > 1 else PATIENCE_FOR_ONE}")
        run("SET LOCAL lock_timeout = '500ms'")
        run("SET LOCAL enable_seqscan = off")  # a handful of keys: never the whole log, whatever statistics say
        self.ledger.hold(self.token)
        twice = run(mending.ambiguous, {"keys": keys}).fetchall()
        if twice:
            raise Refused(f"the rule of {self.projection.projection} derives {len(twice)} keys more than once")
        if kind == "missing":
            changed = run(mending.insert, {"keys": keys}).rowcount
        else:
            ours = [
                row[0] for row in run(mending.lock("UPDATE" if kind == "extra" else "NO KEY UPDATE"), {"keys": keys})
            ]
            changed = run(mending.delete if kind == "extra" else mending.update, {"keys": ours}).rowcount
        self.ledger.add(changed)
        return int(changed)


def _columns(connection: Any, projection: Projection) -> tuple[str, ...]:
    return tuple(column.name for column in connection.execute(projection.described).description)
