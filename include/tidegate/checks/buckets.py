"""A table's rows in 64 buckets, each with a row count and a checksum: what two looks at one table are compared by.

A row's bucket follows from its key, so a row that was changed, or is gone, shows in one bucket, and only that bucket's
rows have to be looked at to name it. The checksum is ``sum(hashtextextended(row, 0))`` over the columns that are named:
the order of the rows does not matter, and a column that a migration adds changes nothing.

Statements only, no connection. Identifiers are plain names; marks and times come from the server itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tidegate.errors import Refused
from tidegate.model.projection import quoted

BUCKETS = 64
Buckets = Mapping[str, Sequence[Any]]
"""Bucket's number -> [rows, checksum], as JSON."""

_MARK = re.compile(r"^\d+:\d+:[\d,]*$")
_TIME = re.compile(r"^[0-9 :.+TZ-]{10,40}$")
_CHECKSUM = re.compile(r"^-?\d{1,40}$")


@dataclass(frozen=True)
class Look:
    """Which rows of ``table`` are counted. ``key``: column that names a row. ``columns``: those that are compared.
    ``written_at`` and ``until``: only rows whose time is at or before it. ``mark``: only rows that were written by
    transactions which that ``pg_current_snapshot()`` sees."""

    table: str
    key: str
    columns: tuple[str, ...]
    written_at: str = ""
    until: str = ""
    mark: str = ""

    @property
    def counted(self) -> str:
        """Rows ``(bucket, rows, checksum)``; empty buckets are left out."""
        return f"""SELECT {self.bucket} AS bucket, count(*) AS rows, sum({self.hash}::numeric)::text AS checksum
FROM {quoted(self.table)} AS t{self.where()} GROUP BY 1"""  # noqa: S608  # quoted() and the patterns above

    @property
    def bucket(self) -> str:
        return f"(hashtextextended(t.{quoted(self.key)}::text, 1) & {BUCKETS - 1})"

    @property
    def hash(self) -> str:
        """A row's own part of the checksum."""
        return f"hashtextextended(ROW({', '.join(f't.{quoted(column)}' for column in self.columns)})::text, 0)"

    def where(self, *more: str) -> str:
        limits = list(more)
        if self.until:
            limits.append(f"t.{quoted(self.written_at)} <= '{_fits(_TIME, self.until)}'::timestamptz")
        if self.mark:
            limits.append(f"pg_visible_in_snapshot({_full('t.xmin', self.mark)}, '{self.mark}'::pg_snapshot)")
        return f" WHERE {' AND '.join(limits)}" if limits else ""

    def differing(self, before: Buckets) -> str:
        """Rows ``(bucket, rows_before, rows_now)`` of the buckets that are not as ``before``."""
        known = ", ".join(
            f"({int(number)}, {int(rows)}, '{_fits(_CHECKSUM, str(checksum))}')"
            for number, (rows, checksum) in sorted(before.items(), key=lambda item: int(item[0]))
        )
        values = f"VALUES {known}" if known else "SELECT NULL::int, NULL::int, NULL::text WHERE false"
        return f"""SELECT coalesce(now.bucket, was.bucket) AS bucket,
  coalesce(was.rows, 0) AS rows_before, coalesce(now.rows, 0) AS rows_now
FROM (
{self.counted}
) AS now FULL JOIN ({values}) AS was (bucket, rows, checksum) ON was.bucket = now.bucket
WHERE now.rows IS DISTINCT FROM was.rows OR now.checksum IS DISTINCT FROM was.checksum"""  # noqa: S608

    def written_since(self, mark: str, buckets: Iterable[int], limit: int) -> str:
        """The keys, among those buckets, of rows that were written after ``mark``."""
        chosen = ", ".join(str(int(bucket)) for bucket in buckets)
        seen = f"NOT pg_visible_in_snapshot({_full('t.xmin', mark)}, '{_fits(_MARK, mark)}'::pg_snapshot)"
        return f"""SELECT t.{quoted(self.key)}::text FROM {quoted(self.table)} AS t
{self.where(f"{self.bucket} IN ({chosen})", seen)} ORDER BY 1 LIMIT {int(limit)}"""  # noqa: S608

    def hashed(self, buckets: Iterable[int], limit: int) -> str:
        """Rows ``(key, hash)`` of those buckets."""
        chosen = ", ".join(str(int(bucket)) for bucket in buckets)
        return f"""SELECT t.{quoted(self.key)}::text, {self.hash} FROM {quoted(self.table)} AS t
{self.where(f"{self.bucket} IN ({chosen})")} ORDER BY 1 LIMIT {int(limit)}"""  # noqa: S608


def _full(xmin: str, mark: str) -> str:
    """A row's transaction in 64 bits: the one nearest to the mark's own, since a row keeps the lower 32 only."""
    near = int(_fits(_MARK, mark).split(":")[1])
    return f"({near} + ((({xmin}::text::bigint - {near}) + 2147483648) & 4294967295) - 2147483648)::text::xid8"


def _fits(pattern: re.Pattern[str], text: str) -> str:
    if not pattern.match(text):
        raise Refused("the data snapshot is not what was written: it cannot be compared with", next_step="take it anew")
    return text


def as_buckets(rows: Iterable[Sequence[Any]]) -> dict[str, list[Any]]:
    """JSON of what :attr:`Look.counted` gave."""
    return {str(bucket): [int(count), str(checksum)] for bucket, count, checksum in rows}
