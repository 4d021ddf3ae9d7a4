"""Repairs on a PostgreSQL: one statement with its record, or a projection rebuilt; and what is on record of them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterator
from typing import Any, TypeVar

from tidegate.drivers.database._cut import cut_off
from tidegate.drivers.database._ledger import Ledger
from tidegate.drivers.database._replay import Replay, difference
from tidegate.drivers.database.contract import Difference, Repaired, RepairOrder
from tidegate.drivers.token import Token
from tidegate.errors import NotYet, OutcomeUnknown, Refused, Rejected, Unreachable
from tidegate.model.projection import Projection

CONNECT_SECONDS = 2
LONGEST = 1800.0  # seconds after which a server that answers no more is given up
STATEMENT = 300  # seconds for a compensation, and for one look over a whole table
APPLICATION = "tidegate-repair"
_CORRECT = {
    "repair": "correct the repair's statement or rule",
    "ledger": "see that failover.ledger names tables and their keys, and what the log-in for repairs may read",
}
T = TypeVar("T")


def look(uri: str, projection: Projection, personal: Collection[str]) -> Difference:
    """See :meth:`~tidegate.drivers.database.contract.Database.difference`."""

    def found() -> Difference:
        with opened(uri) as connection:
            return difference(connection, projection, tuple(personal))

    return translated(found, sent=False)


def on_record(uri: str, service: str, operation: str, name: str) -> Repaired | None:
    """See :meth:`~tidegate.drivers.database.contract.Database.repaired`."""

    def found() -> Repaired | None:
        with opened(uri) as connection:
            return Ledger(connection, service, operation, name).read()

    return translated(found, sent=False)


def repair(uri: str, service: str, order: RepairOrder, token: Token) -> Repaired:
    """See :meth:`~tidegate.drivers.database.contract.Database.repair`."""

    def done() -> Repaired:
        with opened(uri) as writer:
            ledger = Ledger(writer, service, token.operation, order.name)
            if order.projection is None:
                return _compensate(writer, ledger, order, token)
            with opened(uri) as reader:
                return Replay(reader, writer, ledger, token, order.projection).run()

    return translated(done, sent=True)


def _compensate(writer: Any, ledger: Ledger, order: RepairOrder, token: Token) -> Repaired:
    """The statement and its record in one transaction: both or neither, and never twice."""
    ledger.set_up()
    writer.execute("SET LOCAL lock_timeout = '2s'")
    ledger.hold(token)
    begun = ledger.begin(token)
    if not begun.done:
        position = writer.execute("SELECT pg_current_wal_lsn()::text").fetchone()[0]
        ledger.add(max(0, writer.execute(order.sql).rowcount))
        ledger.finish(position)
        found = ledger.read()
        assert found is not None
        begun = found
    writer.commit()
    return begun


@contextlib.contextmanager
def opened(uri: str) -> Iterator[Any]:
    """Not in autocommit; what is not committed when it ends was never done."""
    import psycopg

    options = f"-c statement_timeout={STATEMENT * 1000} -c TimeZone=UTC"
    connection = psycopg.connect(
        uri, connect_timeout=CONNECT_SECONDS, application_name=APPLICATION, options=options, prepare_threshold=None
    )
    try:
        with cut_off(connection, LONGEST):
            yield connection
    finally:
        connection.close()


def translated(call: Callable[[], T], *, sent: bool, what: str = "repair") -> T:
    """psycopg's errors as ours. ``sent``: once connected, whatever breaks may have been done."""
    import psycopg

    try:
        return call()
    except psycopg.errors.LockNotAvailable as error:
        raise NotYet(f"a lock was not to be had: {_words(error)}", next_step="retry: nothing was changed") from None
    except psycopg.errors.ReadOnlySqlTransaction as error:
        raise Refused(
            f"this database takes no writes: {_words(error)}", next_step="look which one is primary"
        ) from None
    except psycopg.OperationalError as error:
        if error.sqlstate is None and not sent:
            raise Unreachable(f"the database does not answer: {_words(error)}") from None
        if sent:
            raise OutcomeUnknown(
                f"the {what} was cut off: {_words(error)}", next_step="retry: it looks first, and carries on"
            ) from None
        raise Rejected(f"the database cannot say: {_words(error)}") from None
    except psycopg.Error as error:
        raise Rejected(f"the database refuses the {what}: {_words(error)}", next_step=_CORRECT[what]) from None


def _words(error: Exception) -> str:
    """The first line: details and context may hold rows."""
    first = str(error).strip().splitlines()
    return (first[0] if first else type(error).__name__)[:200]
