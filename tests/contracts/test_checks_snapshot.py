"""The data snapshot on a real PostgreSQL."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator

import psycopg
import pytest

from tests.support.postgres import database, server, start
from tidegate.checks.model import CheckSpec, Limits
from tidegate.checks.snapshot import take
from tidegate.errors import Refused, Rejected, Unreachable

pytestmark = pytest.mark.real

LEFT_AND_RIGHT = [CheckSpec.from_json({"id": t, "not_below_snapshot": t}) for t in ("lefts", "rights")]


@pytest.fixture
def url() -> Iterator[str]:
    """Two tables that always grow together."""
    with database() as fresh:
        for table in ("lefts", "rights"):
            sql(fresh, f"create table {table} (id bigint, at timestamptz default '2026-01-01 12:00+00', f float8)")
        sql(fresh, "insert into lefts (id, f) select n, n / 3.0 from generate_series(1, 100) n")
        sql(fresh, "insert into rights (id, f) select n, n / 3.0 from generate_series(100, 1, -1) n")
        yield fresh


def sql(url: str, statement: str) -> None:
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as c:
        c.execute(statement)


def test_it_counts_and_sums_what_the_checks_name(url: str) -> None:
    snapshot = take(url, [*LEFT_AND_RIGHT, CheckSpec.from_json({"id": "x", "no_rows": "select 1"})])
    assert json.loads(json.dumps(snapshot)) == snapshot
    assert {table: seen["rows"] for table, seen in snapshot["tables"].items()} == {"lefts": 100, "rights": 100}
    assert (snapshot["in_recovery"], "/" in snapshot["wal"]) == (False, True)


def test_the_checksum_is_of_the_rows_and_not_of_their_order(url: str) -> None:
    tables = take(url, LEFT_AND_RIGHT)["tables"]
    assert tables["lefts"]["checksum"] == tables["rights"]["checksum"] != "0"
    sql(url, "update lefts set f = f + 1e-9 where id = 7")
    assert take(url, LEFT_AND_RIGHT)["tables"]["lefts"]["checksum"] != tables["lefts"]["checksum"]


def test_the_checksum_does_not_depend_on_how_the_database_writes_dates_and_numbers(url: str) -> None:
    before, name = take(url, LEFT_AND_RIGHT)["tables"], url.rpartition("/")[2]
    for setting in ("timezone = 'Asia/Tokyo'", "datestyle = 'German'", "extra_float_digits = -5"):
        sql(url, f"alter database {name} set {setting}")
    with psycopg.connect(url.replace("+psycopg", "")) as c:
        row = c.execute("select l::text from lefts l where id = 1").fetchone()
        assert row and "21:00:00 JST" in row[0], "the settings above are in force"
    assert take(url, LEFT_AND_RIGHT)["tables"] == before


def test_all_tables_are_read_at_one_moment(url: str) -> None:
    over = threading.Event()

    def grow() -> None:
        with psycopg.connect(url.replace("+psycopg", "")) as c:
            while not over.is_set():
                c.execute("insert into lefts (id) values (1)")
                c.execute("insert into rights (id) values (1)")
                c.commit()

    writer = threading.Thread(target=grow)
    writer.start()
    try:
        counts = [{t["rows"] for t in take(url, LEFT_AND_RIGHT)["tables"].values()} for _ in range(10)]
    finally:
        over.set()
        writer.join(30)
    assert [len(c) for c in counts] == [1] * 10, counts
    assert counts[0] != counts[-1], "nothing was written meanwhile, so this shows nothing"


def test_a_missing_table_is_rejected_by_name(url: str) -> None:
    with pytest.raises(Rejected, match='relation "orders" does not exist'):
        take(url, [CheckSpec.from_json({"id": "x", "not_below_snapshot": "orders"})])


@pytest.mark.parametrize("name", ['orders" o; drop table lefts; --', "public.orders", "Orders", ""])
def test_what_is_not_a_tables_name_is_refused(url: str, name: str) -> None:
    with pytest.raises(Refused, match="is not a table's name"):
        take(url, [CheckSpec.from_json({"id": "x", "not_below_snapshot": name})])


def test_a_slow_snapshot_is_rejected(url: str) -> None:
    sql(url, "alter table lefts rename to slow")
    sql(url, "create view lefts as select *, pg_sleep(0.1)::text as slept from slow")
    with pytest.raises(Rejected, match="statement timeout"):
        take(url, LEFT_AND_RIGHT, Limits(statement=0.3))


def test_a_database_that_is_away_is_unreachable_and_its_secret_unsaid(url: str) -> None:
    gone = start()
    gone.stop()
    with pytest.raises(Unreachable, match="Connection refused") as caught:
        take(gone.url(), LEFT_AND_RIGHT)
    assert gone.password not in str(caught.value)
    with pytest.raises(Unreachable, match="password authentication failed") as caught:
        take(url.replace(server().password, "wrong-pass"), LEFT_AND_RIGHT)
    assert "wrong-pass" not in str(caught.value)
    assert caught.value.__cause__ is None, "a chained driver error would carry its own text into the log"
