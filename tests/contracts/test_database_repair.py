"""Repairs on a real PostgreSQL, while others write: none of their writes is lost, none is refused."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.postgres import database, server
from tidegate.drivers.credentials import Credential
from tidegate.drivers.database import _replay
from tidegate.drivers.database.contract import Repaired, RepairOrder
from tidegate.drivers.database.postgres import PostgresDatabase, Settings
from tidegate.drivers.site import Site
from tidegate.drivers.token import Token
from tidegate.errors import LeaseLost, NotSettled, NotYet, OutcomeUnknown, Refused, Rejected
from tidegate.model.projection import Projection

pytestmark = pytest.mark.real

TABLES = """ create table accounts (id int primary key, balance bigint not null, note text not null default 'kept');
create table account_events (id bigint generated always as identity primary key, account int not null, delta int not
null); create index on account_events (account);
"""
RULE = "select account as id, sum(delta)::bigint as balance from account_events where 'a%' like 'a%' group by account"
ACCOUNTS = Projection("accounts", "account_events", "id", RULE)
REBUILD = RepairOrder("rebuild", projection=ACCOUNTS)
TOKEN = Token(7, "op-1")


@pytest.fixture
def url() -> Iterator[str]:
    with database() as fresh:
        sql(fresh, TABLES)
        yield fresh


def libpq(url: str) -> str:
    return url.replace("+psycopg", "")


def sql(url: str, statement: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(libpq(url), autocommit=True) as c:
        cursor = c.execute(statement)  # type: ignore[arg-type]
        return cursor.fetchall() if cursor.description else []


def fill(url: str, accounts: int) -> None:
    sql(url, f"insert into account_events (account, delta) select n, 10 from generate_series(1, {accounts}) n")
    sql(url, f"insert into accounts (id, balance) select n, 10 from generate_series(1, {accounts}) n")


def driver(url: str) -> PostgresDatabase:
    """The family's driver on one region, whose server is the test's."""
    on = server()
    there = Credential("db", "postgres", "127.0.0.1", on.port, "postgres", on.password, url.rpartition("/")[2])
    site = Site("shop", {"east": 10_000}, (), Path("/nowhere"), lambda _: there)
    return PostgresDatabase(Settings(regions={"east": "conn://db"}), site)


def whole(url: str) -> bool:
    return driver(url).difference(ACCOUNTS).rows == 0


class Writers:
    """Clients that move balances by event and row in one transaction, in either order, and open accounts. ``wrote``:
    what was acknowledged. Whatever any of them is refused is in ``refused``."""

    def __init__(self, url: str, accounts: int) -> None:
        self._url, self._accounts = url, accounts
        self._stop = threading.Event()
        self.wrote: list[int] = []
        self.refused: list[Exception] = []

    def _change(self, run: Any, chance: random.Random) -> None:
        first, second = sorted(chance.sample(range(1, self._accounts + 1), 2))  # no deadlock of their own
        event = "insert into account_events (account, delta) values (%s, %s)"
        row = "update accounts set balance = balance + %s where id = %s"
        if chance.random() < 0.5:
            run(event, (first, 3))
            run(row, (3, first))
            run(event, (second, -1))
            run(row, (-1, second))
        else:
            run(row, (3, first))
            run(row, (-1, second))
            run(event, (first, 3))
            run(event, (second, -1))

    def _client(self, number: int) -> None:
        chance = random.Random(number)
        opened = 1_000_000 * (number + 1)
        with psycopg.connect(libpq(self._url)) as c:
            while not self._stop.is_set():
                try:
                    if chance.random() < 0.2:
                        opened += 1
                        c.execute("insert into account_events (account, delta) values (%s, 5)", (opened,))
                        c.execute("insert into accounts (id, balance) values (%s, 5)", (opened,))
                        self._done(c, 1)
                    else:
                        self._change(c.execute, chance)
                        self._done(c, 2)
                except psycopg.Error as error:
                    c.rollback()
                    self.refused.append(error)

    def _done(self, connection: Any, events: int) -> None:
        connection.commit()
        self.wrote.append(events)

    @contextmanager
    def running(self, clients: int = 4) -> Iterator[Writers]:
        with ThreadPoolExecutor(clients) as pool:
            done = [pool.submit(self._client, number) for number in range(clients)]
            try:
                yield self
            finally:
                self._stop.set()
            for future in done:
                future.result()


def until(condition: Callable[[], bool], within: float = 60.0) -> None:
    end = time.monotonic() + within
    while not condition():
        assert time.monotonic() < end, "not reached in time"
        time.sleep(0.02)


def test_a_difference_is_counted_and_some_keys_are_shown(url: str) -> None:
    fill(url, 50)
    sql(url, "update accounts set balance = 0 where id <= 30")
    sql(url, "delete from accounts where id = 40")
    sql(url, "insert into accounts values (99, 1)")
    found = driver(url).difference(ACCOUNTS)
    assert (found.wrong, found.missing, found.extra, len(found.keys)) == (30, 1, 1, 20)
    assert set(found.keys) <= {str(n) for n in range(1, 31)} and "(" in found.position
    hidden = driver(url).difference(ACCOUNTS, ["id"])
    assert all(key.startswith("masked:") for key in hidden.keys)


def test_a_rebuild_mends_what_differs_and_nothing_else(url: str) -> None:
    fill(url, 500)
    sql(url, "update accounts set balance = 0 where id <= 300")
    sql(url, "update accounts set note = 'mine' where id in (1, 400)")
    sql(url, "delete from accounts where id = 350")
    before = sql(url, "select id, xmin from accounts where id > 300 order by 1")
    done = driver(url).repair(REBUILD, TOKEN)
    assert (done.done, done.changed, done.kept) == (True, 301, 0) and whole(url)
    assert sql(url, "select count(*) from accounts where note = 'mine'") == [(2,)]
    after = sql(url, "select id, xmin from accounts where id > 300 and id <> 350 order by 1")
    assert after == before, "rows that were right are not touched"
    assert driver(url).repaired("op-1", "rebuild") == done


def test_rows_that_no_event_explains_are_kept_unless_the_policy_says_otherwise(url: str) -> None:
    fill(url, 5)
    sql(url, "insert into accounts values (98, 1), (99, 1)")
    done = driver(url).repair(REBUILD, TOKEN)
    assert (done.done, done.changed, done.kept) == (True, 0, 2)
    deleting = Projection(**{**ACCOUNTS.to_json(), "extra": "delete"})
    done = driver(url).repair(RepairOrder("delete", projection=deleting), TOKEN)
    assert (done.done, done.changed, done.kept) == (True, 2, 0) and whole(url)


def test_under_writes_none_is_lost_and_none_is_refused(url: str) -> None:
    fill(url, 20_000)
    sql(url, "update accounts set balance = balance + 1000")
    with Writers(url, 20_000).running() as writers:
        until(lambda: len(writers.wrote) > 50)
        before = len(writers.wrote)
        done = driver(url).repair(REBUILD, TOKEN)
        during = len(writers.wrote) - before
    assert writers.refused == []
    assert done.done and done.changed >= 19_000, done
    assert during > 20, "they wrote meanwhile"
    assert sql(url, "select count(*) from account_events") == [(20_000 + sum(writers.wrote),)], "none is lost"
    assert whole(url), driver(url).difference(ACCOUNTS)


def test_cut_off_in_the_middle_it_is_carried_on(url: str) -> None:
    fill(url, 20_000)
    sql(url, "update accounts set balance = balance + 1000")
    with Writers(url, 20_000).running(2) as writers, ThreadPoolExecutor(1) as pool:
        first = pool.submit(driver(url).repair, REBUILD, TOKEN)
        until(lambda: 0 < on_record(url) < 15_000)
        sql(url, "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'tidegate-repair'")
        with pytest.raises(OutcomeUnknown, match="carries on"):
            first.result()
        mended = on_record(url)
        assert not whole(url) and 0 < mended < 20_000, "the kill came in the middle"
        done = driver(url).repair(REBUILD, Token(8, "op-1"))
    assert writers.refused == [] and done.done and done.epoch == 8
    assert done.changed >= mended
    assert sql(url, "select count(*) from account_events") == [(20_000 + sum(writers.wrote),)]
    assert whole(url), driver(url).difference(ACCOUNTS)


def on_record(url: str) -> int:
    found = driver(url).repaired("op-1", "rebuild")
    return found.changed if found else 0


def test_what_a_transaction_from_before_writes_wrong_is_mended_too(url: str) -> None:
    """It cannot be seen at the first look, and its events have lower ids than others that can."""
    fill(url, 10)
    with psycopg.connect(libpq(url)) as straggler, ThreadPoolExecutor(1) as pool:
        straggler.execute("insert into account_events (account, delta) values (77, 4)")
        straggler.execute("insert into accounts (id, balance) values (77, 400)")
        sql(url, "insert into account_events (account, delta) values (5, 1)")
        running = pool.submit(driver(url).repair, REBUILD, TOKEN)
        until(lambda: on_record(url) == 1)
        time.sleep(0.5)
        assert not running.done(), "a transaction from before is still open"
        straggler.commit()
        done = running.result()
    assert (done.changed, whole(url)) == (2, True)
    assert sql(url, "select balance from accounts where id = 77") == [(4,)]


def test_a_row_that_somebody_holds_is_not_waited_for(url: str) -> None:
    """The rest is mended meanwhile; a holder that wants a mended row next does not stand in a circle with us."""
    fill(url, 400)
    sql(url, "update accounts set balance = 0")
    with psycopg.connect(libpq(url)) as holder, ThreadPoolExecutor(1) as pool:
        holder.execute("select 1 from accounts where id = 200 for update")
        running = pool.submit(driver(url).repair, REBUILD, TOKEN)
        until(lambda: on_record(url) == 399)
        holder.execute("update accounts set balance = balance where id = 1")
        holder.commit()
        assert running.result().changed == 400 and whole(url)


def test_a_row_that_stays_locked_is_said_and_what_is_mended_stays(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_replay, "SETTLES_WITHIN", 0.5)
    fill(url, 10)
    sql(url, "update accounts set balance = 0")
    with psycopg.connect(libpq(url)) as holder:
        holder.execute("select 1 from accounts where id = 3 for update")
        with pytest.raises(NotSettled, match="1 rows stay locked"):
            driver(url).repair(REBUILD, TOKEN)
    assert sql(url, "select id from accounts where balance = 0") == [(3,)]
    found = driver(url).repaired("op-1", "rebuild")
    assert found is not None and not found.done and found.changed == 9


def test_a_stale_actor_is_refused_by_the_database_itself(url: str) -> None:
    fill(url, 10)
    sql(url, "update accounts set balance = 0")
    driver(url).repair(RepairOrder("other", "update accounts set note = 'x' where id = 1"), Token(9, "op-2"))
    for order in (REBUILD, RepairOrder("late", "update accounts set note = 'late'")):
        with pytest.raises(LeaseLost, match="epoch 9"):
            driver(url).repair(order, Token(8, "op-1"))
    assert sql(url, "select count(*) from accounts where balance = 0 and note <> 'late'") == [(10,)]


def test_a_compensation_is_made_once(url: str) -> None:
    fill(url, 3)
    order = RepairOrder("bonus", "update accounts set balance = balance + 1")
    first = driver(url).repair(order, TOKEN)
    again = driver(url).repair(order, Token(8, "op-1"))
    assert (first.changed, first.done, again.changed) == (3, True, 3)
    assert sql(url, "select distinct balance from accounts") == [(11,)]
    other = driver(url).repair(order, Token(9, "op-2"))
    assert other.changed == 3, "another operation is another key"


def test_of_two_at_once_one_compensates(url: str) -> None:
    fill(url, 3)
    order = RepairOrder("bonus", "update accounts set balance = balance + 1")
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: driver(url).repair(order, TOKEN), range(8)))
    assert {r.changed for r in results} == {3} and sql(url, "select distinct balance from accounts") == [(11,)]


def test_a_compensation_that_fails_changes_nothing_and_is_not_on_record(url: str) -> None:
    fill(url, 3)
    order = RepairOrder("wrong", "update accounts set balance = null")
    with pytest.raises(Rejected, match="null value"):
        driver(url).repair(order, TOKEN)
    assert driver(url).repaired("op-1", "wrong") is None


def test_a_compensation_waits_for_a_lock_for_a_moment_only(url: str) -> None:
    fill(url, 3)
    with psycopg.connect(libpq(url)) as holder:
        holder.execute("lock table accounts")
        with pytest.raises(NotYet, match="nothing was changed"):
            driver(url).repair(RepairOrder("slow", "update accounts set balance = 0"), TOKEN)
    assert driver(url).repaired("op-1", "slow") is None


@pytest.mark.parametrize(
    ("change", "rule", "why"),
    [
        ("alter table accounts drop constraint accounts_pkey", RULE, "no unique index"),
        ("", "select account as id, delta::bigint as balance from account_events", "more than once"),
        ("", "select account as id, 1 as nowhere from account_events", "nowhere"),
    ],
)
def test_a_rule_or_table_that_does_not_fit_is_refused(url: str, change: str, rule: str, why: str) -> None:
    fill(url, 3)
    sql(url, "insert into account_events (account, delta) values (1, 1)")
    if change:
        sql(url, change)
    order = RepairOrder("x", projection=Projection("accounts", "account_events", "id", rule))
    with pytest.raises((Refused, Rejected), match=why):
        driver(url).repair(order, TOKEN)
    assert sql(url, "select distinct balance from accounts") == [(10,)]


def test_nothing_is_on_record_where_nothing_was_repaired(url: str) -> None:
    assert driver(url).repaired("op-1", "rebuild") is None
    assert sql(url, "select count(*) from pg_namespace where nspname = 'tidegate'") == [(0,)]
    assert isinstance(driver(url).repair(RepairOrder("x", "update accounts set note = 'y'"), TOKEN), Repaired)
