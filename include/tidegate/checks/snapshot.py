"""The data snapshot: taken before an operation, compared after it."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from typing import Any

from tidegate.checks.connection import Deadline, explain, reading
from tidegate.checks.model import CheckSpec, Kind, Limits
from tidegate.errors import Refused, Rejected, Unreachable

_TABLE = re.compile(r"^[a-z_][a-z0-9_]{0,62}$")


def take(url: str, specs: Iterable[CheckSpec], limits: Limits | None = None) -> dict[str, Any]:
    """Row counts and order checksums of every table that a ``not_below_snapshot`` check names, with the place in the
    write-ahead log, all read in one transaction.

    The checksum is ``sum(hashtextextended(row::text, 0))``: the same rows give the same sum in whatever order they
    stand; the columns' order matters. A JSON value: ``{"taken_at": epoch seconds, "wal": "0/3000148",
    "in_recovery": false, "tables": {"orders": {"rows": 7, "checksum": "-42"}}}``.

    Raises ``Unreachable``, ``Rejected`` (a table that is not there, a time-out), ``Refused`` (not a table's name).
    """
    from sqlalchemy.exc import OperationalError, SQLAlchemyError

    limits = limits or Limits()
    tables = sorted({s.table for s in specs if s.kind is Kind.NOT_BELOW_SNAPSHOT})
    _names_only(tables)
    started, connected = time.time(), False
    try:
        with Deadline(limits.total) as deadline, reading(url, limits, deadline) as connection:
            connected = True
            recovery, wal = connection.exec_driver_sql(_WAL).one()
            counted = {table: _count(connection, table) for table in tables}
    except OperationalError as error:
        kind = Rejected if connected else Unreachable
        raise kind(f"the data snapshot was not taken: {explain(error, url)}", next_step=_NEXT) from None
    except SQLAlchemyError as error:
        raise Rejected(f"the data snapshot was not taken: {explain(error, url)}", next_step=_NEXT) from None
    return {"taken_at": started, "wal": str(wal), "in_recovery": recovery, "tables": counted}


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
