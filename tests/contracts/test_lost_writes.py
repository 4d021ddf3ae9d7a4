"""What an old primary alone has, read from a real PostgreSQL whose history has parted, and written back."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support import postgres
from tests.support.postgres import Server
from tidegate.drivers import registry
from tidegate.drivers.credentials import Credential, connection_name, parse_connection
from tidegate.drivers.database.postgres import PostgresDatabase
from tidegate.drivers.site import Site
from tidegate.drivers.token import Token
from tidegate.errors import LeaseLost, Refused, Rejected
from tidegate.model.lost_write import LedgerOrder

pytestmark = pytest.mark.real
NOW = Token(7, "op-7")
LATER = Token(8, "op-8")
TABLES = (("orders", "id"), ("events", "order_id"))
SCHEMA = """
create table orders (id uuid primary key, cents numeric not null, note text,
                     twice numeric generated always as (cents * 2) stored);
create table events (id bigint generated always as identity primary key, order_id uuid unique not null, kind text)"""


@dataclass
class Parted:
    """``east`` was the primary, and is a standby now that follows nobody; ``west`` takes writes."""

    database: PostgresDatabase
    east: Server
    west: Server
    mark: str

    def order(self, name: str, tables: tuple[tuple[str, str], ...] = TABLES, mark: str | None = None) -> LedgerOrder:
        return LedgerOrder(name, "east", tables, self.mark if mark is None else mark)


def uuid(number: int) -> str:
    return f"00000000-0000-0000-0000-{number:012d}"


def placed(number: int, cents: str = "100") -> str:
    return (
        f"insert into orders (id, cents) values ('{uuid(number)}', {cents}); "
        f"insert into events (order_id, kind) values ('{uuid(number)}', 'placed')"
    )


@pytest.fixture(scope="module")
def parted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parted]:
    """Both have the orders 1 to 5. West has never heard of what came then: order 6 and 7, a new price of 2 and 3, and
    order 8, whose transaction had begun before that of 5. Since it took over: 3 has another price, 4 is gone, 5 has a
    note, 9 is there."""
    east = postgres.start()
    west = postgres.start_standby(east, "west")
    servers = {"east": east, "west": west}
    try:
        for statement in (SCHEMA, *(placed(n) for n in range(1, 5))):
            east.execute(statement)
        open_before = psycopg.connect(east.uri())
        open_before.execute(placed(8))
        open_before.execute("select pg_current_xact_id()")
        east.execute(placed(5))
        _until(lambda: west.execute("select to_regclass('events') is not null") == [(True,)], "west has the tables")
        _until(lambda: west.execute("select count(*) from events") == [(5,)], "west has it")
        database = _driver(servers, tmp_path_factory.mktemp("lost"))
        with pytest.raises(Refused, match="is a primary"):
            database.mark("east")
        mark = database.mark("west")
        west.execute("alter system set primary_conninfo = ''")
        west.execute("select pg_reload_conf()")
        _until(lambda: not west.execute("select 1 from pg_stat_wal_receiver"), "west hears nothing more")
        open_before.commit()
        open_before.close()
        for number in (6, 7):
            east.execute(placed(number, "12345678901234567890.12"))
        east.execute(f"update orders set cents = 222 where id in ('{uuid(2)}', '{uuid(3)}')")
        east.signal_all(signal.SIGKILL)
        east.process.wait(20)
        west.execute("select pg_promote()")
        west.execute(f"update orders set cents = 333 where id = '{uuid(3)}'")
        west.execute(f"delete from orders where id = '{uuid(4)}'; delete from events where order_id = '{uuid(4)}'")
        west.execute(f"update orders set note = 'since' where id = '{uuid(5)}'")
        west.execute(placed(9))
        (east.directory / "data" / "standby.signal").touch()
        (east.directory / "data" / "postmaster.pid").unlink(missing_ok=True)
        servers["east"] = east = postgres._serve(east.directory, east.password, ())
        found = Parted(database, east, west, mark)
        for name in ("exact", "written", "later"):  # before any test writes to west
            database.keep_lost(found.order(name), NOW)
        database.keep_lost(found.order("unmarked", mark=""), NOW)
        yield found
    finally:
        for server in servers.values():
            server.stop()


def test_exactly_what_the_old_primary_alone_had(parted: Parted) -> None:
    kept = parted.database.kept("exact")
    assert kept is not None
    rows = {(row.table, row.key): row for row in parted.database.lost("exact")}
    assert {(table, key): row.lack.value for (table, key), row in rows.items()} == {
        ("orders", uuid(2)): "different",
        ("orders", uuid(3)): "different",
        ("orders", uuid(6)): "missing",
        ("orders", uuid(7)): "missing",
        ("orders", uuid(8)): "missing",
        ("events", uuid(6)): "missing",
        ("events", uuid(7)): "missing",
        ("events", uuid(8)): "missing",
    }
    assert kept.entries == 8
    assert kept.tables == {"orders": {"different": 2, "missing": 3}, "events": {"missing": 3}}
    assert [row.number for row in rows.values()] == list(range(1, 9)), "parents before children"
    assert parted.database.keep_lost(parted.order("exact"), LATER) == kept, "it is read once"
    assert parted.database.kept("exact") == kept and parted.database.kept("another") is None
    shown = rows["orders", uuid(2)].shown(("id",))
    assert shown["key"].startswith("masked:")
    assert (shown["old"]["cents"], shown["new"]["cents"]) == ("222", "100")
    assert [row.key for row in parted.database.lost("exact", (3, 4))] == [uuid(6), uuid(7)]


def test_without_a_mark_all_that_differs_is_told(parted: Parted) -> None:
    told = {row.key for row in parted.database.lost("unmarked") if row.table == "orders"}
    assert told == {uuid(n) for n in range(2, 9)}, "4 and 5 were changed in west since: nothing says so without a mark"


def test_reapplied_twice_is_once_and_a_conflict_is_left_alone(parted: Parted) -> None:
    database, west = parted.database, parted.west
    numbers = {(row.table, row.key): row.number for row in database.lost("written")}
    for _ in range(2):
        assert all(database.reapply("written", numbers[t, uuid(6)], LATER).done for t in ("orders", "events"))
    assert west.execute(f"select cents::text, twice::text from orders where id = '{uuid(6)}'") == [
        ("12345678901234567890.12", "24691357802469135780.24")
    ]
    assert west.execute(f"select kind from events where order_id = '{uuid(6)}'") == [("placed",)]
    assert database.reapply("written", numbers["orders", uuid(2)], LATER).detail == "written"
    conflict = database.reapply("written", numbers["orders", uuid(3)], LATER)
    assert not conflict.done and "both sides have changed it" in conflict.conflict
    assert west.execute(f"select cents::text from orders where id in ('{uuid(2)}', '{uuid(3)}') order by id") == [
        ("222",),
        ("333",),
    ]
    west.execute(f"insert into orders (id, cents) values ('{uuid(7)}', 1)")
    taken = database.reapply("written", numbers["orders", uuid(7)], LATER)
    assert not taken.done and "another row of that key" in taken.conflict
    done = {row.number for row in database.lost("written") if row.reapplied}
    assert done == {numbers["orders", uuid(6)], numbers["events", uuid(6)], numbers["orders", uuid(2)]}


def test_a_stale_actor_and_a_wrong_name_write_nothing(parted: Parted) -> None:
    database = parted.database
    with pytest.raises(Rejected, match="no table 'order'"):
        database.keep_lost(parted.order("wrong", (("order", "id"),)), LATER)
    assert database.kept("wrong") is None
    with pytest.raises(Refused, match="no entry 99"):
        database.reapply("exact", 99, LATER)
    with pytest.raises(Refused, match="west is a primary"):
        database.keep_lost(LedgerOrder("west", "west", TABLES, ""), LATER)
    database.keep_lost(parted.order("of a later one"), LATER)
    with pytest.raises(LeaseLost):
        database.reapply("later", 1, NOW)


def _driver(servers: dict[str, Server], root: Path) -> PostgresDatabase:
    def resolve(reference: str) -> Credential:
        name = connection_name(reference)
        return parse_connection(name, servers[name.removeprefix("db_")].uri())

    given: dict[str, Any] = {region: f"conn://db_{region}" for region in servers}
    options = {"kind": "postgres", "regions": given, "repairs": given, "admin": given}
    found: PostgresDatabase = registry.connect(
        "database", options, Site("shop", {"east": 5000, "west": 5000}, (), root, resolve)
    )
    return found


def _until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline, f"waited 120 s until {what}"
        time.sleep(0.05)
