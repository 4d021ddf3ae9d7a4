"""Scratch databases: made, cloned and dropped again, whatever happens in between."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tidegate.errors import Refused, Unreachable

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection

PREFIX = "tidegate_proof_"
LEFT_BEHIND = 6 * 3600  # seconds: older ones that nobody is connected to were left by a killed process
_NAME = re.compile(rf"{PREFIX}(\d+)_[0-9a-f]+_\w+")


@dataclass
class Scratch:
    """Databases on one server, all gone when the ``with`` block of :func:`scratch` ends."""

    server: URL
    run: str
    made: list[str] = field(default_factory=list)

    def create(self, label: str, template: str | None = None) -> str:
        """A new database's name; a copy of ``template`` (a name that :meth:`create` gave), to which nobody may be
        connected then."""
        name = f"{PREFIX}{self.run}_{label}"
        self.made.append(name)  # before it is there: an interrupt in between must not leave it behind
        source = f' template "{template}" strategy wal_log' if template else " template template0 strategy wal_log"
        with self._maintenance() as connection:
            connection.exec_driver_sql(f'create database "{name}"{source}')
        return name

    def drop(self, name: str) -> None:
        with self._maintenance() as connection:
            connection.exec_driver_sql(f'drop database if exists "{name}" with (force)')
        if name in self.made:
            self.made.remove(name)

    @contextmanager
    def connect(self, name: str) -> Iterator[Connection]:
        """A connection without a transaction that we would have begun; closed for good at the end."""
        with connected(self.server.set(database=name)) as connection:
            yield connection

    @contextmanager
    def _maintenance(self) -> Iterator[Connection]:
        with connected(self.server, isolation_level="AUTOCOMMIT") as connection:
            yield connection

    def sweep(self, now: float) -> None:
        """Drop what killed processes have left: old, and nobody is connected."""
        with self._maintenance() as connection:
            names = connection.exec_driver_sql(
                "select datname from pg_database d where datname like 'tidegate\\_proof\\_%%' "
                "and not exists (select 1 from pg_stat_activity a where a.datid = d.oid)"
            ).scalars()
            old = [n for n in names if (m := _NAME.fullmatch(n)) and now - int(m[1]) > LEFT_BEHIND]
            for name in old:
                connection.exec_driver_sql(f'drop database if exists "{name}"')


@contextmanager
def scratch(url: str) -> Iterator[Scratch]:
    """Room for scratch databases on the server of ``url``. Raises ``Unreachable``, or ``Refused`` if the role may not
    create databases there."""
    from sqlalchemy import make_url

    may_create(url)
    room = Scratch(make_url(url), f"{int(time.time())}_{secrets.token_hex(4)}")
    room.sweep(time.time())
    try:
        yield room
    finally:
        for name in list(room.made):
            room.drop(name)


def may_create(url: str) -> None:
    """Raises ``Unreachable``, or ``Refused`` if no database can be made on the server of ``url``."""
    with connected(url) as connection:
        name, may, standby = connection.exec_driver_sql(
            "select rolname, rolcreatedb or rolsuper, pg_is_in_recovery() from pg_roles where rolname = current_user"
        ).one()
    if not may:
        raise Refused(
            f"the role {name!r} may not create databases, so there is no scratch database",
            next_step=f"alter role {name} createdb; or name another server for scratch databases",
        )
    if standby:
        raise Refused("the server for scratch databases is a standby", next_step="name one that takes writes")


@contextmanager
def connected(url: Any, **options: Any) -> Iterator[Connection]:
    """One connection without a pool. Raises ``Unreachable`` if it cannot be had."""
    from sqlalchemy import NullPool, create_engine
    from sqlalchemy.exc import OperationalError

    engine = create_engine(url, poolclass=NullPool, connect_args={"connect_timeout": 5}, **options)
    try:
        connection = engine.connect()
    except OperationalError as error:
        first = str(error.orig).strip().splitlines()[0] if str(error.orig).strip() else "no answer"
        raise Unreachable(
            f"the database at {engine.url.host}:{engine.url.port} does not let us in: {first}",
            next_step="look at the server and at the connection's address",
        ) from None
    try:
        yield connection
    finally:
        connection.close()
        engine.dispose()
