"""Journals for tests: a fresh one on SQLite or on real PostgreSQL, filled chains, and the tools of a tamperer."""

from __future__ import annotations

import multiprocessing
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, text

from tests.support import postgres
from tidegate.journal.chain import Row, row_hash
from tidegate.journal.model import EventKind, Finding, Lease
from tidegate.journal.store import Journal
from tidegate.model.operation import OperationKind

COLUMNS = ", ".join(Row._fields)
FORK = multiprocessing.get_context("fork")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.real)])
def journal_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """A database without tables, of each kind in turn."""
    if request.param == "sqlite":
        with tempfile.TemporaryDirectory(prefix="tidegate-journal-") as directory:
            Path(directory).chmod(0o755)  # pytest's own directories are closed to the witness's user
            yield f"sqlite:///{directory}/journal/journal.sqlite"
        return
    yield empty_postgres()


def empty_postgres() -> str:
    """The one PostgreSQL database of this test process, emptied: making one for each test takes most of the time."""
    server, name = postgres.server(), "journal"
    if not server.execute(f"SELECT 1 FROM pg_database WHERE datname = '{name}'"):
        server.execute(f"CREATE DATABASE {name}")
    server.execute(f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{name}'")
    server.execute("DROP SCHEMA public CASCADE", name)
    server.execute("CREATE SCHEMA public", name)
    return server.url(name)


@pytest.fixture
def journal(journal_url: str) -> Iterator[Journal]:
    """An empty, migrated journal."""
    fresh = Journal(journal_url)
    fresh.migrate()
    yield fresh
    fresh.close()


def lease(operation: str = "shop-promotion-1", holder: str = "worker:1", expires_at: float = 100.0) -> Lease:
    return Lease(operation, OperationKind.PROMOTION, holder, expires_at)


def fill(journal: Journal, service: str = "shop", count: int = 8) -> None:
    """``count`` events, the first of which takes the lease; the lease is still held at the end."""
    with journal.locked(service) as txn:
        txn.raise_epoch()
        txn.set_lease(lease(f"{service}-promotion-1"))
        txn.append(EventKind.OPERATION_OPENED, {"plan": "sha256:1"}, actor="ada", operation=f"{service}-promotion-1")
        for number in range(2, count + 1):
            txn.append(EventKind.NOTE, {"n": number}, actor="ada", operation=f"{service}-promotion-1")


def findings(journal: Journal, **options: Any) -> list[tuple[str, int]]:
    """Where the journal does not verify, without the words."""
    return [(f.service, f.seq) for f in journal.verify(**options)]


def first(found: list[Finding]) -> Finding:
    assert found, "expected a finding, the journal verified"
    return found[0]


def tamper(url: str, act: Callable[[Connection], None]) -> None:
    """Do something to the tables as their owner can: the triggers that stop mistakes are taken away first."""
    engine = create_engine(url)
    with engine.begin() as connection:
        sqlite = engine.dialect.name == "sqlite"
        names = ["events_no_update", "events_no_delete"] if sqlite else ["events_no_change"]
        for name in names:
            connection.execute(text(f"DROP TRIGGER IF EXISTS {name}" + ("" if sqlite else " ON events")))
        act(connection)
    engine.dispose()


def sql(url: str, *statements: str) -> None:
    """Run statements as a tamperer."""
    tamper(url, lambda connection: [connection.execute(text(s)) for s in statements] and None)


def read_rows(connection: Connection, service: str) -> list[Row]:
    query = text(f"SELECT {COLUMNS} FROM events WHERE service = :service ORDER BY seq")
    return [Row._make(row) for row in connection.execute(query, {"service": service})]


def write_row(connection: Connection, row: Row) -> None:
    names = ", ".join(f":{name}" for name in Row._fields)
    connection.execute(text(f"INSERT INTO events ({COLUMNS}) VALUES ({names})"), row._asdict())


def forge(url: str, service: str, change: Callable[[list[Row]], list[Row]]) -> None:
    """Rewrite a whole chain so that it verifies: every hash computed anew, the head set to match."""

    def act(connection: Connection) -> None:
        forged = rechain(change(read_rows(connection, service)))
        connection.execute(text("DELETE FROM events WHERE service = :s"), {"s": service})
        for row in forged:
            write_row(connection, row)
        values = {"s": service, "seq": len(forged), "hash": forged[-1].hash, "epoch": forged[-1].epoch}
        connection.execute(text("UPDATE heads SET seq = :seq, hash = :hash, epoch = :epoch WHERE service = :s"), values)

    tamper(url, act)


def rechain(rows: list[Row]) -> list[Row]:
    """The same rows numbered from 1 and hashed anew."""
    done: list[Row] = []
    for seq, row in enumerate(rows, start=1):
        previous = done[-1].hash if done else "0" * 64
        row = row._replace(seq=seq, prev_hash=previous)
        done.append(row._replace(hash=row_hash(previous, row)))
    return done
