"""Read-only connections of which all see one snapshot of the data, and which end when the time is up."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from tidegate.checks.model import Limits
from tidegate.errors import TidegateError

if TYPE_CHECKING:
    from sqlalchemy import Engine

APPLICATION = "tidegate-checks"


@dataclass
class Deadline:
    """Cuts every connection it watches once ``seconds`` have passed: a database that has stopped answering must not
    hold a gate, and a server-side time-out does not fire in a frozen server."""

    seconds: float
    expired: bool = False
    _connections: list[Any] = field(default_factory=list)

    def watch(self, engine: Engine) -> None:
        """From now on, watch whatever ``engine`` opens."""
        from sqlalchemy import event

        event.listen(engine, "do_connect", self._opening)
        event.listen(engine, "connect", self._opened)

    def _opening(self, *_: Any) -> None:
        if self.expired:  # each further try would cost its own connect time-out
            raise TimeoutError(f"the run's {self.seconds:g} s are over")

    def _opened(self, connection: Any, _record: Any) -> None:
        self._connections.append(connection)
        if self.expired:
            _cut(connection)

    def _expire(self) -> None:
        self.expired = True
        for connection in self._connections:
            _cut(connection)

    def __enter__(self) -> Deadline:
        self._timer = threading.Timer(self.seconds, self._expire)
        self._timer.daemon = True
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()


def _cut(connection: Any) -> None:
    with contextlib.suppress(Exception):  # it may be closed already, which is what we want
        end = socket.socket(fileno=connection.fileno())
        try:
            end.shutdown(socket.SHUT_RDWR)
        finally:
            end.detach()  # libpq owns the descriptor


@dataclass(frozen=True)
class Pin:
    """An exported snapshot and the limits under which it is read."""

    snapshot: str
    limits: Limits
    deadline: Deadline

    def hold(self, engine: Engine) -> None:
        """Make every transaction of ``engine`` read this snapshot, read-only and under the limits."""
        from sqlalchemy import event

        def pin(connection: Any) -> None:
            connection.exec_driver_sql(_BEGIN)
            connection.exec_driver_sql(f"SET TRANSACTION SNAPSHOT '{self.snapshot}'")

        guard(engine, self.limits, self.deadline)
        event.listen(engine, "begin", pin)


def connect_args(limits: Limits) -> dict[str, Any]:
    """What psycopg is told; JSON values only. ``prepare_threshold`` 0 sends every statement as a prepared one, of which
    the server takes one at a time: a check cannot carry a ``commit; delete …`` along."""
    return {"connect_timeout": limits.connect, "application_name": APPLICATION, "prepare_threshold": 0}


_BEGIN = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"


def guard(engine: Engine, limits: Limits, deadline: Deadline) -> None:
    """Whatever ``engine`` opens from now on is read-only, limited, and cut at the deadline."""
    from sqlalchemy import event

    settings = {
        "default_transaction_read_only": "on",
        "statement_timeout": f"{int(limits.statement * 1000)}",
        "lock_timeout": f"{int(limits.lock * 1000)}",
        "idle_in_transaction_session_timeout": "0",
        # A row's text, and so its checksum, depends on these.
        "TimeZone": "UTC",
        "DateStyle": "ISO, YMD",
        "extra_float_digits": "1",
    }

    def opened(connection: Any, _record: Any) -> None:
        with connection.cursor() as cursor:
            for name, value in settings.items():
                cursor.execute("SELECT set_config(%s, %s, false)", (name, value))
        connection.commit()

    deadline.watch(engine)
    event.listen(engine, "connect", opened)


@contextlib.contextmanager
def reading(url: str, limits: Limits, deadline: Deadline) -> Iterator[Any]:
    """A connection in one REPEATABLE READ, READ ONLY transaction, rolled back at the end."""
    from sqlalchemy import NullPool, create_engine

    engine = create_engine(url, poolclass=NullPool, connect_args=connect_args(limits))
    guard(engine, limits, deadline)
    with engine.connect() as connection:
        connection.exec_driver_sql(_BEGIN)
        yield connection


@contextlib.contextmanager
def pinned(url: str, limits: Limits) -> Iterator[Pin]:
    """Export one snapshot and keep it alive. Raises SQLAlchemy's errors where the database cannot be read."""
    with Deadline(limits.total) as deadline, reading(url, limits, deadline) as holder:
        snapshot = holder.exec_driver_sql("SELECT pg_export_snapshot()").scalar_one()
        yield Pin(snapshot, limits, deadline)


def literal(statement: str) -> str:
    """``statement`` as a driver takes it that would read a ``%`` as the place of a parameter."""
    return statement.replace("%", "%%")


def explain(error: object, url: str) -> str:
    """An error in one line: its first three lines at most, no statement, no row values, no secret of ``url``."""
    if isinstance(error, TidegateError):
        return without_secret(f"{error.message}; {error.next_step}".rstrip("; "), url)[:300]
    lines = [line.strip() for line in str(getattr(error, "orig", None) or error).strip().splitlines()]
    end = next((n for n, line in enumerate(lines) if line.startswith(_END)), len(lines))
    return without_secret("; ".join(lines[: min(end, 3)]) or type(error).__name__, url)[:300]


_END = ("[SQL", "(Background", "DETAIL", "CONTEXT", "LINE ", "Traceback")


def without_secret(text: str, url: str) -> str:
    """``text`` with the URL and its password, as written and decoded, replaced."""
    password = url.partition("://")[2].rpartition("@")[0].partition(":")[2]
    for secret in sorted({url, password, unquote(password)} - {""}, key=len, reverse=True):
        text = text.replace(secret, "***")
    return text
