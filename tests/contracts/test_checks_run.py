"""Data checks on a real PostgreSQL: every kind passed, violated, and impossible to make."""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
import yaml

from lab import schema
from tests.support.postgres import database, server, start, start_standby
from tidegate.checks import connection, preload
from tidegate.checks.model import KEYS_SHOWN, CheckReport, CheckResult, CheckSpec, Limits, Status, specs_from_json
from tidegate.checks.run import run
from tidegate.checks.snapshot import take
from tidegate.model.verdict import Verdict

pytestmark = pytest.mark.real

POLICY = Path(__file__).parents[2] / "dags" / "policies" / "shop.yaml"
FOLLOW = "orders_follow_their_events"
ORDER = """
with o as (insert into orders (id, session_id, quantity, total_cents, release)
           values (gen_random_uuid(), 's1', 2, 500, '1.0.0') returning *)
insert into order_events (order_id, session_id, kind, quantity, total_cents, release)
select id, session_id, 'placed', quantity, total_cents, release from o
"""


@pytest.fixture
def url() -> Iterator[str]:
    """A shop with one session and three orders."""
    with database() as fresh:
        schema.create(fresh)
        sql(fresh, "insert into sessions (id, token_hash) values ('s1', 'x')")
        for _ in range(3):
            sql(fresh, ORDER)
        yield fresh


def sql(url: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as c:
        cursor = c.execute(statement)
        return cursor.fetchall() if cursor.description else []


def shop_specs() -> tuple[CheckSpec, ...]:
    checks = yaml.safe_load(POLICY.read_text())["checks"]
    by_itself = {name: check for name, check in checks.items() if "schema_revision" not in check}
    return specs_from_json([{"id": name, **check} for name, check in by_itself.items()])


def one(url: str, **check: object) -> CheckResult:
    """The result of a single check, given as in a policy."""
    snapshot = check.pop("snapshot", None)
    limits = check.pop("limits", None)
    report = run(url, [CheckSpec.from_json({"id": "it", **check})], snapshot, limits)
    return report.results[0]


def test_the_shops_checks_pass_on_a_sound_shop(url: str) -> None:
    specs = shop_specs()
    report = run(url, specs, take(url, specs))
    assert report.verdict is Verdict.PASS, report.why
    assert [r.id for r in report.results] == [s.id for s in specs]
    assert report.run_id and report.run_id.startswith("tidegate-")
    assert CheckReport.from_json(json.loads(json.dumps(report.to_json()))) == report


@pytest.mark.parametrize(
    ("damage", "violated"),
    [
        ("insert into orders values (gen_random_uuid(), 's1', 1, 0, 'x', now())", {"orders_have_events", FOLLOW}),
        ("insert into order_events (order_id, session_id, kind, quantity, total_cents, release) "
         "values (gen_random_uuid(), 's1', 'placed', 1, 0, 'x')", {"events_have_orders", FOLLOW}),
        ("update orders set total_cents = total_cents + 1 where id = (select min(id::text)::uuid from orders)",
         {"totals_are_equal", FOLLOW}),
        ("delete from sessions", {"sessions_are_not_orphaned"}),
        ("update orders set quantity = 0", {"quantity_is_positive", FOLLOW}),
        ("delete from orders where id = (select min(id::text)::uuid from orders)",
         {"orders_do_not_vanish", "events_have_orders", "totals_are_equal", FOLLOW}),
    ],
)  # fmt: skip
def test_each_damage_is_found_by_its_checks(url: str, damage: str, violated: set[str]) -> None:
    specs = shop_specs()
    snapshot = take(url, specs)
    sql(url, damage)
    report = run(url, specs, snapshot)
    assert {r.id for r in report.results if r.status is Status.VIOLATED} == violated, report.why
    assert {r.status for r in report.results if r.id not in violated} == {Status.PASSED}, report.why
    assert report.verdict is Verdict.FAIL


def test_no_rows_tells_how_many_and_which(url: str) -> None:
    ids = {str(row[0]) for row in sql(url, "select id from orders")}
    result = one(url, no_rows="select id, total_cents from orders")
    assert (result.status, result.observed, set(result.failed_keys)) == (Status.VIOLATED, 3, ids)


def test_a_statement_that_finds_nothing_is_run_once(url: str) -> None:
    """Great Expectations' own class runs it twice: for the rows, and for their count."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    seen: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        seen.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        assert one(url, no_rows="select id from orders where quantity < 0").status is Status.PASSED
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    assert sum("quantity < 0" in statement for statement in seen) == 1, seen


def test_failed_keys_are_capped_and_counting_stops(url: str) -> None:
    result = one(url, no_rows="select n from generate_series(1, 50000) n")
    assert len(result.failed_keys) == KEYS_SHOWN
    assert (result.observed, result.detail) == (1000, "1000 or more rows where none may be")


def test_equal_shows_both_sides(url: str) -> None:
    result = one(url, equal=["select count(*) from orders", "select 7"])
    assert (result.status, result.observed, result.expected) == (Status.VIOLATED, "3", "7")


@pytest.mark.parametrize(
    "sides",
    [
        ["select null::int", "select null::int"],
        ["select sum(total_cents) from orders where false", "select 0"],
        ["select 'NaN'::float8", "select 'NaN'::float8"],
        ["select 1", "select 'NaN'::numeric"],
    ],
)
def test_equal_without_a_number_is_not_checked(url: str, sides: list[str]) -> None:
    result = one(url, equal=sides)
    assert result.status is Status.NOT_CHECKED, result
    assert "gave no number" in result.detail


def test_expect_names_the_failed_rows_by_primary_key(url: str) -> None:
    bad = str(
        sql(url, "update orders set quantity = 0 where id = (select max(id::text)::uuid from orders) returning id")[0][
            0
        ]
    )
    result = one(url, expect="expect_column_values_to_be_between", table="orders",
                 arguments={"column": "quantity", "min_value": 1})  # fmt: skip
    assert (result.status, result.observed, result.failed_keys) == (Status.VIOLATED, 1, (bad,))
    assert result.detail == "1 of 3 rows"


def test_an_expectation_without_rows_tells_what_it_observed(url: str) -> None:
    result = one(url, expect="expect_column_max_to_be_between", table="orders",
                 arguments={"column": "quantity", "max_value": 1})  # fmt: skip
    assert (result.status, result.observed) == (Status.VIOLATED, "2")


def test_not_below_snapshot_shows_both_counts(url: str) -> None:
    snapshot = {"tables": {"orders": {"rows": 5, "checksum": "0"}}}
    result = one(url, not_below_snapshot="orders", snapshot=snapshot)
    assert (result.status, result.observed, result.expected) == (Status.VIOLATED, 3, "at least 5 rows")
    assert one(url, not_below_snapshot="orders", snapshot={"tables": {"orders": {"rows": 3}}}).status is Status.PASSED


def between(table: str = "orders", **arguments: object) -> dict[str, object]:
    return {"expect": "expect_column_values_to_be_between", "table": table, "arguments": arguments}


NO_COUNT = {"tables": {"orders": {"rows": None}}}


@pytest.mark.parametrize(
    ("check", "detail"),
    [
        ({"no_rows": "select nonsense from orders"}, 'column "nonsense" does not exist'),
        ({"no_rows": "select 1 where false; delete from orders"}, "syntax error"),
        ({"no_rows": "select id from orders where id = '{'"}, "invalid input syntax for type uuid"),
        ({"equal": ["select 1", "select 'one'::text"]}, "operator does not exist"),
        ({"equal": ["select quantity from orders", "select 2"]}, "more than one row"),
        (
            {"expect": "expect_column_values_to_be_betwen", "table": "orders"},
            "did you mean 'expect_column_values_to_be_b",
        ),
        (between(colum="quantity"), "did you mean 'column'"),
        (between(column="quantty", min_value=1), "quantty"),
        (between(min_value=1), "field required"),
        (between("ordres", column="quantity", min_value=1), "ordres"),
        (between(column="quantity", min_value={"$PARAMETER": "x"}), "$PARAMETER is not supported"),
        (between(column="quantity", catch_exceptions=True), "takes no argument"),
        ({"not_below_snapshot": "orders"}, "has no row count of 'orders'"),
        ({"not_below_snapshot": "orders", "snapshot": NO_COUNT}, "has no row count of 'orders'"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_evaluated_is_not_checked(url: str, check: dict[str, object], detail: str) -> None:
    result = one(url, **check)
    assert result.status is Status.NOT_CHECKED, result
    assert detail in result.detail


@pytest.mark.parametrize(
    ("limits", "detail", "within"),
    [
        # Two metrics of 1.5 s each; Great Expectations would try each of them three times.
        (Limits(statement=1.5), "statement timeout", 7),
        (Limits(statement=9, total=0.7), "could not check", 5),
    ],
)
def test_a_check_that_takes_too_long_is_not_checked(url: str, limits: Limits, detail: str, within: float) -> None:
    preload.preload()
    began = time.monotonic()
    result = one(url, no_rows="select pg_sleep(20)", limits=limits)
    assert result.status is Status.NOT_CHECKED, result
    assert detail in result.detail
    assert time.monotonic() - began < within


def test_one_impossible_check_leaves_the_others_alone(url: str) -> None:
    specs = [
        CheckSpec.from_json({"id": "broken", "no_rows": "select nonsense"}),
        *shop_specs(),
        CheckSpec.from_json({"id": "misnamed", "expect": "expect_nothing", "table": "orders"}),
    ]
    report = run(url, specs, take(url, specs))
    assert report.verdict is Verdict.NO_DATA
    assert {r.id for r in report.results if r.status is Status.NOT_CHECKED} == {"broken", "misnamed"}
    sql(url, "delete from sessions")
    assert run(url, specs, take(url, specs)).verdict is Verdict.FAIL, (
        "a violation counts although others are not checked"
    )


@pytest.mark.parametrize(
    "statement",
    [
        "delete from orders returning id",
        "with gone as (delete from orders returning id) select id from gone",
        "select id from orders where false) as x; commit; delete from orders; select * from (select 1",
        "select id from orders where false) as x; commit; set default_transaction_read_only = off; commit; begin; "
        "delete from orders; commit; select * from (select 1",
        "select nextval(pg_get_serial_sequence('order_events', 'id'))",
    ],
)
def test_a_check_cannot_write(url: str, statement: str) -> None:
    result = one(url, no_rows=statement)
    assert result.status is Status.NOT_CHECKED, result
    assert sql(url, "select count(*) from orders") == [(3,)]


@pytest.mark.parametrize(
    "statement",
    [
        "select id from orders where release like '%:tag%' or release like '{%}' or release = 'a::b'",
        "select id from orders where quantity < 0; -- a remark",
        "select id from orders where created_at < '2020-01-01 12:30:00'::timestamptz",
        "with none as (select id from orders where false) select id from none order by id",
    ],
)
def test_sql_is_taken_as_it_is_written(url: str, statement: str) -> None:
    assert one(url, no_rows=statement).status is Status.PASSED


def test_sql_characters_keep_their_meaning(url: str) -> None:
    sql(url, "update orders set release = 'x:tag{}%'")
    result = one(url, no_rows="select id from orders where release like '%:tag{}\\%'")
    assert (result.status, result.observed) == (Status.VIOLATED, 3)


def test_a_locked_table_is_not_checked(url: str) -> None:
    with psycopg.connect(url.replace("+psycopg", "")) as locker:
        locker.execute("lock table orders in access exclusive mode")
        result = one(url, no_rows="select id from orders where false", limits=Limits(lock=0.2))
    assert result.status is Status.NOT_CHECKED
    assert "lock timeout" in result.detail


def test_a_database_that_is_away_is_no_data(url: str) -> None:
    gone = start()
    gone.stop()
    report = run(gone.url(), shop_specs(), {})
    assert (report.verdict, report.run_id) == (Verdict.NO_DATA, None)
    assert {r.status for r in report.results} == {Status.NOT_CHECKED}
    assert "Connection refused" in report.results[0].detail


def test_no_secret_is_in_a_report_or_a_log(
    url: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    password = server().password
    for where in (url, url.replace(password, "wrong-pass"), url.replace("127.0.0.1", "nowhere.invalid")):
        specs = [*shop_specs(), CheckSpec.from_json({"id": "broken", "no_rows": f"select '{password}' from nowhere"})]
        text = json.dumps(run(where, specs, {}).to_json())
        assert password not in text, text
        assert "wrong-pass" not in text, text
    said = caplog.text + "".join(capfd.readouterr())
    assert "wrong-pass" not in said, said
    assert url not in said


def test_runs_in_several_threads_do_not_mix(url: str) -> None:
    """Nor do they swap the process's standard output for good."""
    preload.preload()
    before = sys.stdout
    with database() as empty, ThreadPoolExecutor(4) as pool:
        schema.create(empty)
        runs = [pool.submit(one, u, equal=["select count(*) from orders", "select -1"]) for u in [url, empty] * 6]
        assert [r.result().observed for r in runs] == ["3", "0"] * 6
    assert sys.stdout is before


def test_no_check_at_all_is_no_data(url: str) -> None:
    assert run(url, []).verdict is Verdict.NO_DATA


class Writer(threading.Thread):
    """Places orders (order and event in one transaction) as fast as the database takes them."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.url, self.placed, self.over = url, 0, threading.Event()

    def run(self) -> None:
        with psycopg.connect(self.url.replace("+psycopg", ""), autocommit=True) as c:
            while not self.over.is_set():
                c.execute(ORDER)
                self.placed += 1

    def __enter__(self) -> Writer:
        self.start()
        deadline = time.monotonic() + 30
        while not self.placed and time.monotonic() < deadline:
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.join(30)


def test_all_checks_see_the_same_moment_while_orders_are_written(url: str) -> None:
    specs = shop_specs()
    with Writer(url) as writer:
        snapshot, before = take(url, specs), writer.placed
        reports = [run(url, specs, snapshot) for _ in range(5)]
        assert writer.placed > before, "nothing was written meanwhile, so this shows nothing"
    assert {r.verdict for r in reports} == {Verdict.PASS}, [r.why for r in reports]


def counts_seen(url: str) -> set[object]:
    """What six checks of one run say that the number of orders is, while orders are being placed."""
    specs = [
        CheckSpec.from_json({"id": f"n{n}", "equal": ["select count(*) from orders", "select -1"]}) for n in range(6)
    ]
    with Writer(url) as writer:
        before = writer.placed
        report = run(url, specs)
        assert writer.placed > before, "nothing was written meanwhile, so this shows nothing"
    return {result.observed for result in report.results}


def test_one_run_has_one_view_of_the_data(url: str) -> None:
    assert len(counts_seen(url)) == 1


def test_without_the_pin_one_run_has_many_views(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The guard taken out: this is what the test above would find."""
    monkeypatch.setattr(connection.Pin, "hold", lambda self, engine: None)
    assert len(counts_seen(url)) > 1


def test_checks_run_on_a_hot_standby(url: str) -> None:
    specs = shop_specs()
    standby = start_standby(server())
    try:
        behind = standby.url(url.rpartition("/")[2])
        snapshot = take(behind, specs)
        assert (snapshot["in_recovery"], snapshot["tables"]["orders"]["rows"]) == (True, 3)
        report = run(behind, specs, snapshot)
        assert report.verdict is Verdict.PASS, report.why
    finally:
        standby.stop()
