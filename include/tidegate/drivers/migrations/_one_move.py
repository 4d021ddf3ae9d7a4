"""One move of a schema to an exact revision, fenced by an epoch that the database itself holds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tidegate.drivers.migrations._chain import Chain
from tidegate.drivers.migrations._compare import first_line
from tidegate.drivers.migrations._picture import OURS
from tidegate.drivers.migrations.contract import SchemaMove
from tidegate.drivers.token import Token
from tidegate.errors import LeaseLost, NotSettled, NotYet, OutcomeUnknown, Refused, Rejected, Throttled, TidegateError

if TYPE_CHECKING:
    from sqlalchemy import Connection

_LOCK = 0x7469646573636865  # "tidesche": one migration at a time per database
_TABLE = f"{OURS}.schema_epoch"
_MAKE = (
    f"create schema if not exists {OURS}",
    f"create table if not exists {_TABLE} (only_one boolean primary key default true check (only_one), "
    "epoch bigint not null, operation text not null)",
)


def epoch_of(connection: Connection) -> int:
    """Of the last that migrated, 0 if nobody has."""
    if connection.exec_driver_sql(f"select to_regclass('{_TABLE}')").scalar() is None:
        return 0
    return int(connection.exec_driver_sql(f"select epoch from {_TABLE}").scalar() or 0)  # noqa: S608


def move(chain: Chain, connection: Connection, target: str, token: Token, lock_timeout: float) -> SchemaMove:
    """See :meth:`~tidegate.drivers.migrations.contract.Migrations.migrate`."""
    with _translated(chain, lock_timeout):
        with connection.begin():
            _enter(connection, token, lock_timeout)
            at = chain.current(connection)
            up, revisions = way(chain, at, target)
            if not any(chain.leaves_the_transaction(one) for one in revisions):
                _run(chain, connection, revisions, up=up, at=at)
                _arrived(chain.current(connection), target)
                return SchemaMove(at, target, revisions)
        return _one_by_one(chain, connection, target, token, lock_timeout)


def way(chain: Chain, at: str, target: str) -> tuple[bool, tuple[str, ...]]:
    """Whether up or down, and the revisions in the order to be run. Raises ``Refused`` if neither leads there."""
    for revision in (at, target):
        if not chain.has(revision):
            raise Refused(
                f"{chain.location} does not hold revision {revision}; the schema is at {at}, asked for is {target}",
                next_step="use the files of the release that brought it",
            )
    if at == target:
        return True, ()
    if above := chain.ascent(at, target):
        return True, above
    if below := chain.ascent(target, at):
        return False, tuple(reversed(below))
    raise Refused(f"no way leads from {at} to {target}: they are on different branches", next_step="merge the branches")


def _enter(connection: Connection, token: Token, lock_timeout: float) -> None:
    """In the open transaction: the primary, alone, and at no older epoch than the database has seen."""
    if connection.exec_driver_sql("select pg_is_in_recovery()").scalar():
        raise Refused(
            "this database is a standby: nothing is migrated there", next_step="find out which is the primary"
        )
    connection.exec_driver_sql(f"set local lock_timeout = '{int(lock_timeout * 1000)}ms'")
    if not connection.exec_driver_sql(f"select pg_try_advisory_xact_lock({_LOCK})").scalar():
        raise NotYet("another migration is running on this database", next_step="wait for it; then retry")
    for statement in _MAKE:
        connection.exec_driver_sql(statement)
    held = epoch_of(connection)
    if token.epoch < held:
        raise LeaseLost(f"the schema is at epoch {held}, {token.operation} migrates at {token.epoch}")
    connection.exec_driver_sql(
        f"insert into {_TABLE} (epoch, operation) values (%(epoch)s, %(operation)s) "  # noqa: S608
        "on conflict (only_one) do update set epoch = excluded.epoch, operation = excluded.operation",
        {"epoch": token.epoch, "operation": token.operation},
    )


def _one_by_one(chain: Chain, connection: Connection, target: str, token: Token, lock_timeout: float) -> SchemaMove:
    """The path for revisions that leave their transaction: each on its own, under a lock that outlives transactions."""
    connection.exec_driver_sql(f"set lock_timeout = '{int(lock_timeout * 1000)}ms'")
    if not connection.exec_driver_sql(f"select pg_try_advisory_lock({_LOCK})").scalar():
        raise NotYet("another migration is running on this database", next_step="wait for it; then retry")
    if (held := epoch_of(connection)) != token.epoch:  # somebody came in between the two locks
        raise LeaseLost(f"the schema is at epoch {held}, {token.operation} migrates at {token.epoch}")
    came_from = at = chain.current(connection)
    up, revisions = way(chain, at, target)
    connection.commit()
    for number, revision in enumerate(revisions):
        with _half_way(chain, connection, target, began=number > 0 or chain.leaves_the_transaction(revision)):
            _run(chain, connection, (revision,), up=up, at=at)
        at = revision
    _arrived(chain.current(connection), target)
    connection.commit()
    return SchemaMove(came_from, target, revisions)


def _run(chain: Chain, connection: Connection, revisions: tuple[str, ...], *, up: bool, at: str) -> None:
    """Whatever a revision's code raises becomes ``Rejected``, but a lost connection and a lock that was not had."""
    from sqlalchemy.exc import DBAPIError

    try:
        (chain.upgrade if up else chain.downgrade)(connection, revisions)
    except TidegateError:
        raise
    except Exception as error:
        if isinstance(error, DBAPIError) and (error.connection_invalidated or _is_lock_timeout(error)):
            raise
        raise Rejected(
            f"the {'upgrade' if up else 'downgrade'} fails: {first_line(error)}; the schema is at {at}, as before",
            next_step="read the migration's error; what ran was taken back",
        ) from error


@contextmanager
def _half_way(chain: Chain, connection: Connection, target: str, *, began: bool) -> Iterator[None]:
    try:
        yield
    except Rejected as error:
        if not began:
            raise
        connection.rollback()
        raise NotSettled(
            f"{error.message.partition('; the schema is at')[0]}; it ran outside a transaction, and the schema is at "
            f"{chain.current(connection)} on its way to {target}",
            next_step="look for what it left (an invalid index, for one), remove it, then retry",
        ) from error


def _arrived(at: str, target: str) -> None:
    if at != target:
        raise Rejected(f"the migration ran and the schema says {at}, not {target}; it was taken back")


@contextmanager
def _translated(chain: Chain, lock_timeout: float) -> Iterator[None]:
    """Words for what the database raises."""
    from sqlalchemy.exc import DBAPIError

    try:
        yield
    except DBAPIError as error:
        if _is_lock_timeout(error):
            raise Throttled(
                f"the migration did not get its lock within {lock_timeout:g} s, so as not to make others wait; "
                "the schema is as before",
                next_step="retry; if it happens again, look for a long transaction in pg_stat_activity",
            ) from error
        if error.connection_invalidated:
            raise OutcomeUnknown(
                f"the connection was lost while migrating: {first_line(error)}",
                next_step="retry: it looks first at which revision the schema is",
            ) from error
        raise Rejected(
            f"the database refused: {first_line(error)}; the schema is as before",
            next_step=f"the role needs to own the tables, and to be allowed to create the schema {OURS!r}",
        ) from error


def _is_lock_timeout(error: object) -> bool:
    from psycopg import errors

    return isinstance(getattr(error, "orig", None), errors.LockNotAvailable)
