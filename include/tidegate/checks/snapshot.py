"""The data snapshot: taken before an operation, compared after it."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from typing import Any

from tidegate.checks.buckets import Look, as_buckets
from tidegate.checks.connection import Deadline, explain, reading
from tidegate.checks.model import CheckSpec, Kind, Limits
from tidegate.errors import Refused, Rejected, Unreachable
from tidegate.model.projection import quoted

SETTLED = 30.0  # seconds: how long a transaction that writes is thought to last at most
_TABLE = re.compile(r"^[a-z_][a-z0-9_]{0,62}$")


def take(url: str, specs: Iterable[CheckSpec], limits: Limits | None = None) -> dict[str, Any]:
    """Row counts and order checksums of every table that a ``not_below_snapshot`` check names, the rows' checksums in
    buckets for every ``unchanged_since_snapshot`` check, and the place in the write-ahead log, all read in one
    transaction.

    The checksum is ``sum(hashtextextended(row::text, 0))``: the same rows give the same sum in whatever order they
    stand; the columns' order matters. A JSON value: ``{"taken_at": epoch seconds, "wal": "0/3000148", "in_recovery":
    false, "tables": {"orders": {"rows": 7, "checksum": "-42"}}}``, and under ``unchanged``, by check, ``until`` (rows
    whose time is later are left out: a transaction that was open may still add some), ``mark`` (the server's own name
    of the snapshot), ``columns`` and ``buckets``.

    Raises ``Unreachable``, ``Rejected`` (a table that is not there, a time-out), ``Refused`` (not a table's name).
    """
    from sqlalchemy.exc import OperationalError, SQLAlchemyError

    limits = limits or Limits()
    specs = tuple(specs)
    tables = sorted({s.table for s in specs if s.kind is Kind.NOT_BELOW_SNAPSHOT})
    _names_only(tables)
    started, connected = time.time(), False
    try:
        with Deadline(limits.total) as deadline, reading(url, limits, deadline) as connection:
            connected = True
            recovery, wal = connection.exec_driver_sql(_WAL).one()
            counted = {table: _count(connection, table) for table in tables}
            kept = {s.id: _keep(connection, s) for s in specs if s.kind is Kind.UNCHANGED}
    except OperationalError as error:
        kind = Rejected if connected else Unreachable
        raise kind(f"the data snapshot was not taken: {explain(error, url)}", next_step=_NEXT) from None
    except SQLAlchemyError as error:
        raise Rejected(f"the data snapshot was not taken: {explain(error, url)}", next_step=_NEXT) from None
    found = {"taken_at": started, "wal": str(wal), "in_recovery": recovery, "tables": counted}
    return {**found, "unchanged": kept} if kept else found


_NEXT = "see that the database answers and that the tables of the not_below_snapshot checks exist"
_WAL = """
SELECT pg_is_in_recovery(),
       CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END::text
"""


def _names_only(tables: Iterable[str]) -> None:
    for table in tables:
        if not _TABLE.match(table):
            raise Refused(f"{table!r} is not a table's name", next_step="write it in small letters, without a schema")


def _count(connection: Any, table: str) -> dict[str, Any]:
    statement = f'SELECT count(*), coalesce(sum(hashtextextended(o::text, 0)::numeric), 0)::text FROM "{table}" o'  # noqa: S608  # checked by _names_only
    rows, checksum = connection.exec_driver_sql(statement).one()
    return {"rows": rows, "checksum": checksum}


def _keep(connection: Any, spec: CheckSpec) -> dict[str, Any]:
    about = spec.about
    settled = float(about.get("settled", SETTLED))
    columns = tuple(about.get("columns") or ()) or columns_of(connection, about["table"])
    until, mark = connection.exec_driver_sql(
        f"SELECT (now() - interval '{settled:f} seconds')::text, pg_current_snapshot()::text"  # a number
    ).one()
    look = Look(about["table"], about["key"], columns, about["written_at"], until)
    buckets = as_buckets(connection.exec_driver_sql(look.counted))
    return {"until": until, "mark": mark, "columns": list(columns), "buckets": buckets}


def columns_of(connection: Any, table: str) -> tuple[str, ...]:
    """Every column of ``table``, by name. They are named one by one, so that a column that comes later is no change."""
    described = connection.exec_driver_sql(f"SELECT * FROM {quoted(table)} LIMIT 0")  # noqa: S608  # a plain name
    return tuple(sorted(described.keys()))
