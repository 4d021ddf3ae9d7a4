"""Two databases, table by table and row by row, without a row leaving them: by a hash of each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

from tidegate.drivers.backups._servers import LOOKING
from tidegate.drivers.backups.contract import TableDifference
from tidegate.errors import Unreachable

_TABLES = """
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND n.nspname !~ '^pg_'
  AND n.nspname NOT IN ('information_schema', 'tidegate')
ORDER BY 1, 2
"""
_SAME = "SET extra_float_digits = 1; SET timezone = 'UTC'; SET datestyle = 'ISO, MDY'; SET intervalstyle = 'postgres'"
_BATCH = 5000
Hashed = tuple[int, int]  # the hash of a row, and how many rows have it


def compare(restored: str, live: str) -> tuple[TableDifference, ...]:
    """``restored``, ``live``: libpq URLs. Each is looked at in one snapshot of its own. Raises ``Unreachable``."""
    import psycopg

    try:
        with ExitStack() as stack:
            there, here = (_snapshot(stack, url) for url in (live, restored))
            tables = [{tuple(row) for row in one.execute(_TABLES).fetchall()} for one in (there, here)]
            return tuple(_table(there, here, name, tables) for name in sorted(tables[0] | tables[1]))
    except psycopg.Error as error:
        raise Unreachable(
            f"the two databases could not be compared ({type(error).__name__})",
            next_step="the log-in of drivers.database.regions has to read every table, in both",
        ) from None


def _snapshot(stack: ExitStack, url: str) -> Any:
    import psycopg

    connection = stack.enter_context(psycopg.connect(url, connect_timeout=5, application_name=LOOKING))
    connection.execute(_SAME)
    connection.commit()
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    return connection


def _table(live: Any, restored: Any, name: tuple[str, ...], tables: list[set[tuple[str, ...]]]) -> TableDifference:
    there = _rows(live, name) if name in tables[0] else iter(())
    here = _rows(restored, name) if name in tables[1] else iter(())
    counted = _merge(there, here)
    shown = name[1] if name[0] == "public" else ".".join(name)
    return TableDifference(
        shown,
        counted[0] if name in tables[0] else None,
        counted[1] if name in tables[1] else None,
        counted[2],
        counted[3],
    )


def _rows(connection: Any, name: tuple[str, ...]) -> Iterator[Hashed]:
    from psycopg import sql

    query = sql.SQL("SELECT hashtextextended(t::text, 0) AS h, count(*) FROM ONLY {} AS t GROUP BY h ORDER BY h")
    with connection.cursor(name="rows") as cursor:
        cursor.itersize = _BATCH
        cursor.execute(query.format(sql.Identifier(*name)))
        yield from cursor


def _merge(live: Iterator[Hashed], restored: Iterator[Hashed]) -> tuple[int, int, int, int]:
    """Rows in the first, rows in the second, and those that only the one and only the other has. Both sorted."""
    there, here = next(live, None), next(restored, None)
    counts = [0, 0, 0, 0]
    while there is not None or here is not None:
        first = here is None or (there is not None and there[0] <= here[0])
        second = there is None or (here is not None and here[0] <= there[0])
        a = there[1] if first and there is not None else 0
        b = here[1] if second and here is not None else 0
        for n, more in enumerate((a, b, max(a - b, 0), max(b - a, 0))):
            counts[n] += more
        there = next(live, None) if first else there
        here = next(restored, None) if second else here
    return counts[0], counts[1], counts[2], counts[3]
