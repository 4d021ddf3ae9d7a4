"""A restored database takes the live one's place on real PostgreSQL, under a client that writes, with a standby."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import psycopg
import pytest

from tests.contracts.test_backups import PATIENCE, Bench, bench, until
from tests.support import postgres
from tests.support.postgres import Server
from tidegate.drivers.token import Token
from tidegate.errors import LeaseLost, Refused


@dataclass
class Client:
    """Writes row after row, and comes back whenever it is put out. ``told``: what it was told is committed."""

    server: Server
    told: list[int] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)
    last: int = 10_000

    def run(self) -> None:
        while not self.stop.is_set():
            try:
                with psycopg.connect(self.server.uri("shop"), autocommit=True) as connection:
                    while not self.stop.is_set():
                        self.last += 1
                        connection.execute("insert into notes values (%s, 'a customer')", (self.last,))
                        self.told.append(self.last)
                        self.stop.wait(0.01)
            except psycopg.Error:
                self.stop.wait(0.01)


def rows(server: Server, database: str = "shop") -> dict[int, str]:
    found = server.execute("select id, text from notes", database)
    return {int(str(number)): str(text) for number, text in found}


@pytest.fixture
def shop() -> Iterator[Bench]:
    """Two servers, a database with settings and rights of its own, a backup, and 200 rows."""
    east = postgres.start()
    west = postgres.start_standby(east, "west")
    made = bench({"east": east, "west": west}, "shop")
    try:
        east.execute("create database shop")
        east.execute("create role teller login")
        east.execute("revoke connect on database shop from public")
        east.execute("grant connect on database shop to teller")
        east.execute("alter database shop set search_path = public, pg_catalog")
        east.execute("alter role teller in database shop set work_mem = '8MB'")
        east.execute("create table notes (id int primary key, text text)", "shop")
        east.execute("insert into notes select n, 'note ' || n from generate_series(1, 200) n", "shop")
        made.keep()
        until(made.backups.observe, lambda state: state.newest is not None and state.archived_until is not None)
        yield made
    finally:
        made.rest()
        for one in made.backups.restored():
            made.backups.discard(one.id)
        for server in (west, east):
            server.stop()
        shutil.rmtree(made.directory.parent, ignore_errors=True)


_KEPT = """
select (select array_agg(a::text order by a::text) from unnest(datacl) a), datconnlimit,
(select array_agg(setconfig::text order by setrole) from pg_db_role_setting
where setdatabase = d.oid) from pg_database d where datname = 'shop'"""


def test_it_takes_the_live_ones_place_under_a_writing_client(shop: Bench) -> None:
    east, west = shop.servers["east"], shop.servers["west"]
    good, rights = shop.now(), east.execute(_KEPT)
    before = rows(east)
    east.execute("update notes set text = 'spoilt' where id % 2 = 0", "shop")
    shop.reaches(shop.now())
    found, backups, live = shop.backups.restore(good), shop.backups, east.url("shop")
    client = Client(east)
    writing = threading.Thread(target=client.run)
    writing.start()
    try:
        with pytest.raises(Refused, match="not there in full"):
            backups.swap(found.id, "east", Token(4, "op"))
        east.execute(f'create database "{backups.standing(found.id, "east").copy}"')  # a half, of one who has died
        for _ in range(2):
            backups.load(found.id, "east", Token(5, "op"))
            standing = backups.standing(found.id, "east")
            assert (standing.loaded, standing.swapped) == (True, False)
        tables = backups.compare(found.id, live, standing.copy)
        assert [one.table for one in tables] == ["notes"]
        assert all(one.same for one in tables)
        with pytest.raises(LeaseLost):
            backups.swap(found.id, "east", Token(4, "another"))
        _enough(client)
        for _ in range(2):
            backups.swap(found.id, "east", Token(6, "op"))
            assert backups.standing(found.id, "east").swapped
        _enough(client)
    finally:
        client.stop.set()
        writing.join(PATIENCE)
    new, old = rows(east), rows(east, standing.replaced)
    assert {n: text for n, text in new.items() if n <= 200} == before, "the state of that time, exactly"
    assert {n for n in client.told if n in new} | {n for n in client.told if n in old} == set(client.told)
    assert not {n for n in new if n > 200} & {n for n in old if n > 200}, "no row is in both"
    assert sum(text == "spoilt" for text in old.values()) == 100
    assert east.execute(_KEPT) == rights, "whoever may connect, and how, is as it was"
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        east.execute("delete from notes", standing.replaced)
    assert backups.follow(found.id, "east") == ()
    (lost,) = backups.compare(found.id, live, standing.replaced)
    assert (lost.only_live, lost.only_restored) == (len(old) - 100, 100)
    assert {n: text for n, text in rows(west).items() if n <= 200} == before, "the standby has followed by itself"
    backups.drop_copy(found.id, "east", Token(7, "op"))
    assert rows(east) == new, "what is live is never dropped"


def _enough(client: Client) -> None:
    """It has been told of more rows since."""
    had, deadline = len(client.told), time.monotonic() + PATIENCE
    while len(client.told) <= had + 5:
        assert time.monotonic() < deadline, "the client writes nothing"
        time.sleep(0.05)


def test_what_was_loaded_is_dropped_on_the_way_back(shop: Bench) -> None:
    east = shop.servers["east"]
    shop.reaches(shop.now())
    found = shop.backups.restore(None)
    shop.backups.load(found.id, "east", Token(5, "op"))
    for _ in range(2):
        shop.backups.drop_copy(found.id, "east", Token(6, "op"))
    assert [name for (name,) in east.execute("select datname from pg_database where datname like 'shop%'")] == ["shop"]
    assert len(rows(east)) == 200
