"""A log-in that moves the primary: its sessions, its epoch, and its probe.

A session here takes writes whatever the server's default is, waits for no standby, and is cut when its time is up, so
that no call is on its way for longer than was stated. The epoch stands in ``tidegate.database_epoch`` on the primary
and travels to the standby with everything else: the next actor reads it where it has come to.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from tidegate.drivers.credentials import Credential
from tidegate.drivers.database._address import libpq, sqlalchemy_url, why
from tidegate.drivers.database._cut import cut_off
from tidegate.drivers.database._observing import LOOKING
from tidegate.drivers.token import Token
from tidegate.errors import EffectError, LeaseLost, OutcomeUnknown, Rejected, Unreachable

CONNECT_SECONDS = 5  # a move is not given up because a busy server takes long to greet
CALL_SECONDS = 10.0  # longest flight of one call, once connected
APPLICATION = "tidegate-mover"
OURS = [APPLICATION, LOOKING]  # sessions that a primary which is brought to rest need not end
_OPTIONS = "-c default_transaction_read_only=off -c synchronous_commit=local -c lock_timeout=2s -c TimeZone=UTC"
_PROBE_OPTIONS = "-c synchronous_commit=local -c lock_timeout=1s"  # as anybody's session, but it waits for nobody
_THERE = "SELECT to_regclass('tidegate.database_epoch') IS NOT NULL AND to_regclass('tidegate.probe') IS NOT NULL"
_TABLES = """
CREATE TABLE IF NOT EXISTS tidegate.database_epoch (service text PRIMARY KEY, epoch bigint NOT NULL);
CREATE TABLE IF NOT EXISTS tidegate.probe (service text PRIMARY KEY, at timestamptz NOT NULL)"""
_HOLD = """
INSERT INTO tidegate.database_epoch AS held (service, epoch) VALUES (%s, %s)
ON CONFLICT (service) DO UPDATE SET epoch = greatest(held.epoch, excluded.epoch) RETURNING epoch"""
_HELD = "SELECT epoch FROM tidegate.database_epoch WHERE service = %s"
_PROBE = """
INSERT INTO tidegate.probe (service, at) VALUES (%s, clock_timestamp())
ON CONFLICT (service) DO UPDATE SET at = excluded.at"""
_POSITION = "SELECT pg_current_wal_flush_lsn() - '0/0'::pg_lsn"
T = TypeVar("T")


@contextlib.contextmanager
def session(credential: Credential, options: str = _OPTIONS) -> Iterator[Any]:
    """An autocommitting connection. Raises ``Unreachable`` if there is none, and psycopg's errors afterwards."""
    import psycopg

    uri = libpq(sqlalchemy_url(credential))
    try:
        connection = psycopg.connect(
            *(uri,), connect_timeout=CONNECT_SECONDS, autocommit=True, application_name=APPLICATION, options=options
        )
    except psycopg.Error as error:
        raise Unreachable(
            f"the database at {credential.address} gives no session: {why(error, credential)}",
            next_step=_mend(error, credential),
        ) from None
    with connection, cut_off(connection, CALL_SECONDS):
        yield connection


def asked(credential: Credential, what: str, call: Callable[[Any], T], *, changes: bool = True) -> T:
    """``call`` with a session. psycopg's errors as ours: a refusal is ``Rejected``, and whatever breaks after a change
    was sent is ``OutcomeUnknown``."""
    import psycopg

    with session(credential) as connection:
        try:
            return call(connection)
        except psycopg.Error as error:
            raise _as_ours(error, f"{what}: {why(error, credential)}", changes) from None


def _as_ours(error: Any, said: str, changes: bool) -> EffectError:
    refused = error.sqlstate is not None and not error.sqlstate.startswith(("08", "57", "XX"))
    if refused:
        return Rejected(said, next_step="see what the log-in for admin may do")
    if changes:
        return OutcomeUnknown(said, next_step="look at the database before anything else; a retry looks first")
    return Unreachable(said, next_step="see whether the server runs")


def hold_epoch(connection: Any, service: str, owner: str, token: Token) -> None:
    """Note the epoch on a primary. Raises ``LeaseLost`` if a newer one is held."""
    set_up(connection, owner)
    _compare(connection.execute(_HOLD, (service, token.epoch)).fetchone()[0], service, token)


def look_epoch(connection: Any, service: str, token: Token) -> None:
    """The same on a standby, which can only be read."""
    if connection.execute(_THERE).fetchone()[0]:
        row = connection.execute(_HELD, (service,)).fetchone()
        _compare(row[0] if row else 0, service, token)


def position(connection: Any) -> int:
    """How far a primary has written, durably, in bytes."""
    return int(connection.execute(_POSITION).fetchone()[0])


def set_up(connection: Any, owner: str) -> None:
    """Make the schema and the tables if they are not there. ``owner``: whoever notes repairs in the same schema."""
    from psycopg import errors, sql

    if connection.execute(_THERE).fetchone()[0]:
        return
    with contextlib.suppress(errors.UniqueViolation, errors.DuplicateTable, errors.DuplicateSchema):  # somebody else
        make = sql.SQL("CREATE SCHEMA IF NOT EXISTS tidegate AUTHORIZATION {}")
        connection.execute(make.format(sql.Identifier(owner)))
        connection.execute(_TABLES)


def accepts_write(credential: Credential, service: str, owner: str) -> bool:
    """Whether anybody's session could write here now, as proved by one that did."""
    import psycopg

    try:
        with session(credential, _PROBE_OPTIONS) as connection:
            return _probe(connection, service, owner)
    except Unreachable:
        return False
    except psycopg.errors.LockNotAvailable:
        return True  # another probe holds the row: both got as far as writing
    except psycopg.Error:
        return False  # read-only, in recovery, or going down


def _probe(connection: Any, service: str, owner: str) -> bool:
    from psycopg import errors

    try:
        connection.execute(_PROBE, (service,))
    except (errors.UndefinedTable, errors.InvalidSchemaName):
        set_up(connection, owner)
        connection.execute(_PROBE, (service,))
    return True


def _compare(held: int, service: str, token: Token) -> None:
    if held > token.epoch:
        raise LeaseLost(
            f"the database of {service} was moved at epoch {held}, {token.operation} moves it at {token.epoch}"
        )


def _mend(error: Exception, credential: Credential) -> str:
    """PostgreSQL says the same of a password that is wrong and of one whose time is over."""
    if "authentication failed" in str(error):
        return (
            f"renew the password of {credential.login}, there and in conn://{credential.name}: it is another one, or "
            "its time is over (VALID UNTIL, see \\du)"
        )
    return f"see that it runs, and that conn://{credential.name} names it"
