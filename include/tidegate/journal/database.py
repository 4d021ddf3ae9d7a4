"""Connections to the journal's database: SQLite (a file, WAL) or PostgreSQL, with the same behaviour.

Waiting for a lock is bounded (:data:`LOCK_SECONDS`). A SQLAlchemy URL holds a password, so it appears in no ``repr``
and no error: whatever the driver says is scrubbed.
"""

from __future__ import annotations

import os
import random
import sqlite3
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event, make_url
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError

from tidegate.errors import Changed, JournalError, JournalUnreachable
from tidegate.journal.readonly import confirm, open_file

LOCK_SECONDS = 10  # longest wait for a service's head
IDLE_SECONDS = (
    5  # after which PostgreSQL ends a transaction whose process is frozen; shorter than the wait for its lock
)
WRITE = {"tidegate_write": True}
_POSTGRESQL = {"postgresql", "postgres", "postgresql+psycopg"}
_engines: weakref.WeakSet[Engine] = weakref.WeakSet()
_inherited: list[Any] = []  # pools of the parent process: kept, so that no connection of its is closed here


def parse(url: str) -> URL:
    """The URL, with the driver made plain. Raises :class:`JournalError` without repeating the URL."""
    try:
        parsed = make_url(url)
    except (SQLAlchemyError, ValueError):
        parsed = None
    if parsed is not None and parsed.drivername in _POSTGRESQL:
        return parsed.set(drivername="postgresql+psycopg")
    if parsed is not None and parsed.drivername == "sqlite" and parsed.database and ":memory:" not in parsed.database:
        return parsed
    raise JournalError(
        "the journal's URL is not one that can be used",
        next_step="write sqlite:///<file> (a file, not memory) or postgresql+psycopg://user:password@host:port/database",
    )


def address(url: URL) -> str:
    """``host:port/database`` of a server, without user, password or options."""
    host = url.host or str(url.query.get("host", "localhost"))
    return f"{host}:{url.port or 5432}/{url.database or url.username or ''}"


def connect(url: str, *, read_only: bool = False) -> Engine:
    """An engine whose transactions are ``BEGIN IMMEDIATE`` on SQLite if begun with :data:`WRITE`. Opens nothing yet."""
    parsed = parse(url)
    engine = _sqlite(parsed, read_only) if parsed.drivername == "sqlite" else _postgresql(parsed, read_only)
    _engines.add(engine)
    return engine


def _sqlite(url: URL, read_only: bool) -> Engine:
    if read_only:
        path = Path(url.database or "").absolute()
        engine = create_engine(url, creator=lambda: open_file(path, LOCK_SECONDS), poolclass=NullPool)
    else:
        engine = create_engine(url, connect_args={"timeout": LOCK_SECONDS}, hide_parameters=True)
    event.listen(engine, "connect", _sqlite_reader if read_only else _sqlite_writer)
    event.listen(engine, "begin", _sqlite_begin)
    return engine


def _postgresql(url: URL, read_only: bool) -> Engine:
    options = [f"-c lock_timeout={LOCK_SECONDS}s", f"-c idle_in_transaction_session_timeout={IDLE_SECONDS}s"]
    if read_only:
        options.append("-c default_transaction_read_only=on")
    own = url.query.get("options", "")
    arguments = {
        "options": " ".join([own if isinstance(own, str) else " ".join(own), *options]).strip(),
        "application_name": "tidegate-journal",
        "connect_timeout": 5,
        "tcp_user_timeout": LOCK_SECONDS * 1000,  # ms: a network that swallows packets ends a call as well
    }
    return create_engine(url, connect_args=arguments, hide_parameters=True, pool_pre_ping=True)


def _sqlite_reader(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver begins nothing by itself; _sqlite_begin does


def _sqlite_writer(connection: Any, _record: Any) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    _switch_to_wal(cursor)
    cursor.execute("PRAGMA synchronous=FULL")  # a committed event outlives a power cut
    cursor.close()


def _switch_to_wal(cursor: sqlite3.Cursor) -> None:
    """Once in the life of the file. SQLite's own waiting does not cover this switch, so it is done here."""
    deadline = time.monotonic() + LOCK_SECONDS
    while cursor.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def _sqlite_begin(connection: Connection) -> None:
    """A deferred transaction that reads and then writes fails at once in spite of the busy time-out (measured)."""
    if connection.get_execution_options().get("tidegate_write"):
        _begin_immediate(connection.connection.cursor())
    else:
        connection.exec_driver_sql("BEGIN")


def _begin_immediate(cursor: Any) -> None:
    """SQLite's own waiting sleeps up to 100 ms at a time, so that a crowd keeps one writer out for long.

    Longest wait of four writers that never pause, on a busy machine: 0.6 to 0.9 s so, 2.3 to 3.7 s left to SQLite.
    """
    deadline = time.monotonic() + LOCK_SECONDS
    cursor.execute("PRAGMA busy_timeout=0")
    try:
        while not _begun(cursor, deadline):
            time.sleep(random.uniform(0.001, 0.004))  # noqa: S311  # only so that waiters do not march in step
    finally:
        cursor.execute(f"PRAGMA busy_timeout={LOCK_SECONDS * 1000}")
        cursor.close()


def _begun(cursor: Any, deadline: float) -> bool:
    try:
        cursor.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        if "locked" not in str(error) or time.monotonic() > deadline:
            raise
        return False
    return True


def _begin_anew_in_child() -> None:
    """A connection is not shared over a fork: the child opens its own, and leaves its parent's alone."""
    for engine in list(_engines):
        _inherited.append(engine.pool)
        engine.dispose(close=False)


os.register_at_fork(after_in_child=_begin_anew_in_child)


@contextmanager
def errors(doing: str, url: URL) -> Iterator[None]:
    """Turn what the database says into :class:`JournalError`, naming what was being done, without any secret."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.OperationalError) as error:
        raise _translated(doing, error, url) from None


@contextmanager
def reading(engine: Engine, doing: str, isolation: str | None = None) -> Iterator[Connection]:
    """A transaction that only reads. ``isolation`` is PostgreSQL's; on SQLite every transaction sees one snapshot."""
    options = {"isolation_level": isolation} if isolation and engine.dialect.name == "postgresql" else {}
    with errors(doing, engine.url), engine.connect().execution_options(**options) as connection:
        yield connection
        confirm(connection)


@contextmanager
def writing(engine: Engine, doing: str) -> Iterator[Connection]:
    """A transaction that writes: committed at the end of the block, rolled back on any exception."""
    with (
        errors(doing, engine.url),
        engine.connect().execution_options(**WRITE) as connection,
        connection.begin() as transaction,
    ):
        yield connection
        with outcome_unknown(doing, engine.url):
            transaction.commit()


@contextmanager
def outcome_unknown(doing: str, url: URL) -> Iterator[None]:
    """Around a commit: if it fails, it may have been done all the same."""
    try:
        yield
    except SQLAlchemyError as error:
        translated = _translated(f"{doing}, at the commit", error, url)
        translated.changed = Changed.UNKNOWN
        raise translated from None


def _translated(doing: str, error: Exception, url: URL) -> JournalError:
    said = _said(error, url)
    if "no such table" in said or "UndefinedTable" in said:
        return JournalError(f"{doing}: {said}", next_step="the journal has no tables yet: migrate it")
    if isinstance(error, OperationalError | InterfaceError | sqlite3.OperationalError):
        return JournalUnreachable(f"{doing}: {said}", next_step="see that the journal's database is up, then try again")
    return JournalError(f"{doing}: {said}")


def _said(error: Exception, url: URL) -> str:
    text = str(getattr(error, "orig", None) or error).strip().splitlines()
    first = text[0] if text else ""
    password = str(url.password or "")
    for secret in filter(None, (url.render_as_string(hide_password=False), password, quote_plus(password))):
        first = first.replace(secret, "***")
    return f"{type(getattr(error, 'orig', None) or error).__name__}: {first}"
