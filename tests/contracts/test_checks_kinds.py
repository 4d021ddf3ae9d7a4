"""Event log against projection, rows of before, primary against standby, schema against revision: on a real PostgreSQL,
passed, violated, and impossible to make."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator

import psycopg
import pytest

from lab import schema
from tests.support.postgres import Server, _serve, database, start, start_standby
from tidegate.checks.model import KEYS_SHOWN, CheckResult, CheckSpec, Limits, Status
from tidegate.checks.run import run
from tidegate.checks.snapshot import take

pytestmark = pytest.mark.real

RULE = "select order_id as id, session_id, quantity, total_cents, release from order_events where kind like 'placed%'"
FOLLOWS = {"projection": "orders", "events": "order_events", "key": "id", "rule": RULE}
UNCHANGED = {"table": "orders", "key": "id", "written_at": "created_at", "settled": 0}
ORDER = """
with o as (insert into orders (id, session_id, quantity, total_cents, release)
           select gen_random_uuid(), 's1', 2, 500, '1.0.0' from generate_series(1, {}) returning *)
insert into order_events (order_id, session_id, kind, quantity, total_cents, release)
select id, session_id, 'placed', quantity, total_cents, release from o
"""


@pytest.fixture
def url() -> Iterator[str]:
    """A shop with forty orders."""
    with database() as fresh:
        schema.create(fresh)
        sql(fresh, "insert into sessions (id, token_hash) values ('s1', 'x')")
        sql(fresh, ORDER.format(40))
        yield fresh


def sql(url: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as c:
        cursor = c.execute(statement)  # type: ignore[arg-type]
        return cursor.fetchall() if cursor.description else []


def spec(**check: object) -> CheckSpec:
    return CheckSpec.from_json({"id": "it", **check})


def one(url: str, check: CheckSpec, **known: object) -> CheckResult:
    return run(url, [check], **known).results[0]  # type: ignore[arg-type]


def any_order(url: str) -> str:
    return str(sql(url, "select id from orders order by id limit 1")[0][0])


def test_a_projection_that_is_what_its_events_say_passes(url: str) -> None:
    result = one(url, spec(follows=FOLLOWS))
    assert result.status is Status.PASSED, result


@pytest.mark.parametrize(
    ("damage", "counted"),
    [
        ("update orders set quantity = 3 where id = '{}'", "1 wrong"),
        ("update orders set total_cents = 0 where id = '{}'", "1 wrong"),
        ("delete from orders where id = '{}'", "1 missing"),
        ("update orders set id = '00000000-0000-0000-0000-000000000001' where id = '{}'", "1 missing, 1 extra"),
    ],
)
def test_a_projection_that_strays_is_found_by_its_keys(url: str, damage: str, counted: str) -> None:
    key = any_order(url)
    sql(url, damage.format(key))
    result = one(url, spec(follows=FOLLOWS))
    assert result.status is Status.VIOLATED and result.detail.endswith(f"not as the events say ({counted})"), result
    assert key in result.failed_keys


def test_the_keys_of_a_projection_are_capped_and_a_personal_key_is_masked(url: str) -> None:
    keys = {str(row[0]) for row in sql(url, "update orders set quantity = 9 returning id")}
    result = one(url, spec(follows=FOLLOWS))
    assert (result.observed, len(result.failed_keys)) == (40, KEYS_SHOWN) and set(result.failed_keys) <= keys
    hidden = one(url, spec(follows=FOLLOWS, personal=["id"]))
    assert all(key.startswith("masked:") for key in hidden.failed_keys), hidden
    assert len(set(hidden.failed_keys)) == KEYS_SHOWN and not set(hidden.failed_keys) & keys


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ("select order_id, quantity from order_events", "gives no column 'id'"),
        ("select order_id as id from order_events", "gives the key alone"),
        ("select order_id as id, 1 as nowhere from order_events", "nowhere"),
        ("select order_id as id, quantity from no_events", "no_events"),
    ],
)
def test_a_rule_that_does_not_fit_is_not_a_violation(url: str, rule: str, why: str) -> None:
    result = one(url, spec(follows={**FOLLOWS, "rule": rule}))
    assert result.status is Status.NOT_CHECKED and why in result.detail, result


def test_rows_of_before_that_stay_as_they_were_pass_while_others_come(url: str) -> None:
    check = spec(unchanged_since_snapshot=UNCHANGED)
    snapshot = json.loads(json.dumps(take(url, [check])))
    sql(url, ORDER.format(10))
    sql(url, "alter table orders add column gift boolean not null default false")
    result = one(url, check, snapshot=snapshot)
    assert result.status is Status.PASSED, result


def test_a_row_of_before_that_was_changed_is_named(url: str) -> None:
    check = spec(unchanged_since_snapshot=UNCHANGED)
    snapshot, key = take(url, [check]), any_order(url)
    sql(url, ORDER.format(10))
    sql(url, f"update orders set total_cents = 1 where id = '{key}'")
    result = one(url, check, snapshot=snapshot)
    assert (result.status, result.observed, result.failed_keys) == (Status.VIOLATED, 1, (key,)), result


def test_a_row_of_before_that_is_gone_is_counted(url: str) -> None:
    check = spec(unchanged_since_snapshot=UNCHANGED)
    snapshot = take(url, [check])
    sql(url, f"delete from orders where id = '{any_order(url)}'")
    result = one(url, check, snapshot=snapshot)
    assert result.status is Status.VIOLATED and "1 rows fewer" in result.detail and not result.failed_keys, result


def test_columns_that_are_not_compared_may_change(url: str) -> None:
    check = spec(unchanged_since_snapshot={**UNCHANGED, "columns": ["id", "quantity"]})
    snapshot = take(url, [check])
    sql(url, "update orders set total_cents = total_cents + 1")
    assert one(url, check, snapshot=snapshot).status is Status.PASSED


def test_what_was_written_just_before_the_snapshot_is_left_out(url: str) -> None:
    """A transaction that was open may still add rows with earlier times: they are no change."""
    check = spec(unchanged_since_snapshot={**UNCHANGED, "settled": 30})
    snapshot = take(url, [check])
    assert snapshot["unchanged"]["it"]["buckets"] == {}
    sql(url, "update orders set total_cents = 1")
    assert one(url, check, snapshot=snapshot).status is Status.PASSED


@pytest.mark.parametrize("snapshot", [None, {"tables": {}}, {"unchanged": {"it": {"until": "x"}}}])
def test_without_a_snapshot_nothing_is_compared(url: str, snapshot: object) -> None:
    result = one(url, spec(unchanged_since_snapshot=UNCHANGED), snapshot=snapshot)
    assert result.status is Status.NOT_CHECKED and "take the snapshot first" in result.detail, result


@pytest.mark.parametrize(
    ("held", "wanted", "status", "observed"),
    [
        (["r2"], "r2", Status.PASSED, None),
        (["r2"], "r1", Status.VIOLATED, "r2"),
        ([], "r1", Status.VIOLATED, "none"),
        (["r1", "r2"], "r1", Status.VIOLATED, "r1, r2"),
        (["r1"], "", Status.NOT_CHECKED, None),
        (["r1"], "r1'; drop", Status.NOT_CHECKED, None),
    ],
)
def test_the_schema_is_at_the_revision_that_the_release_needs(
    url: str, held: list[str], wanted: str, status: Status, observed: str | None
) -> None:
    sql(url, "create table revision_of (version_num varchar(32) primary key)")
    for revision in held:
        sql(url, f"insert into revision_of values ('{revision}')")
    result = one(url, spec(schema_revision="revision_of"), schema_revision=wanted)
    assert (result.status, result.observed) == (status, observed), result


def test_a_revision_table_that_is_not_there_is_blindness(url: str) -> None:
    result = one(url, spec(schema_revision="no_such_table"), schema_revision="r1")
    assert result.status is Status.NOT_CHECKED, result


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[Server, Server]]:
    primary = start()
    standby = start_standby(primary)
    schema.create(primary.url())
    sql(primary.url(), ORDER.format(500))
    yield primary, standby
    standby.stop()
    primary.stop()


STANDBY = {"table": "orders", "key": "id", "within": 20}


def test_a_standby_that_holds_the_same_rows_passes_under_writes(pair: tuple[Server, Server]) -> None:
    primary, standby = pair
    with psycopg.connect(primary.uri(), autocommit=True) as open_one, psycopg.connect(primary.uri()) as in_flight:
        in_flight.execute(ORDER.format(3))  # type: ignore[arg-type]  # lower transaction, committed after the look
        open_one.execute(ORDER.format(3))  # type: ignore[arg-type]
        result = one(primary.url(), spec(same_on_standby=STANDBY), standbys={"west": standby.url()})
        in_flight.commit()
    assert result.status is Status.PASSED, result
    again = one(primary.url(), spec(same_on_standby=STANDBY), standbys={"west": standby.url()})
    assert again.status is Status.PASSED, again


def test_a_server_that_replays_nothing_is_no_standby(pair: tuple[Server, Server]) -> None:
    """No position, no comparison: a database that was promoted is not looked at as if it followed."""
    primary, _ = pair
    with database() as other:
        result = one(primary.url(), spec(same_on_standby=STANDBY), standbys={"west": other})
    assert result.status is Status.NOT_CHECKED and "replayed up to nothing" in result.detail, result


def test_a_standby_that_lags_is_not_checked(pair: tuple[Server, Server]) -> None:
    primary, standby = pair
    sql(standby.url(), "select pg_wal_replay_pause()")
    try:
        sql(primary.url(), ORDER.format(1))
        check = spec(same_on_standby={**STANDBY, "within": 0.3})
        result = one(primary.url(), check, standbys={"west": standby.url()})
    finally:
        sql(standby.url(), "select pg_wal_replay_resume()")
    assert result.status is Status.NOT_CHECKED and "replayed up to" in result.detail, result


def test_a_standby_that_does_not_answer_or_is_not_known_is_not_checked(pair: tuple[Server, Server]) -> None:
    primary, standby = pair
    standby.signal_all(signal.SIGSTOP)
    try:
        known = {"limits": Limits(total=5), "standbys": {"west": standby.url()}}
        result = one(primary.url(), spec(same_on_standby=STANDBY), **known)
    finally:
        standby.signal_all(signal.SIGCONT)
    assert result.status is Status.NOT_CHECKED and standby.password not in result.detail, result
    assert one(primary.url(), spec(same_on_standby=STANDBY)).detail == "could not check: no standby is known"


def test_a_standby_that_lost_a_row_is_found(pair: tuple[Server, Server]) -> None:
    """Its data file is damaged from outside, as a bad disk or a bad restore would."""
    primary, _ = pair
    sql(primary.url(), "create table small (id int primary key, word text)")
    sql(primary.url(), "insert into small select n, 'word' || n from generate_series(1, 50) n")
    sql(primary.url(), "checkpoint")
    broken = start_standby(primary, "broken")
    try:
        check = spec(same_on_standby={"table": "small", "key": "id", "within": 20})
        assert one(primary.url(), check, standbys={"west": broken.url()}).status is Status.PASSED
        path = broken.directory / "data" / str(sql(primary.url(), "select pg_relation_filepath('small')")[0][0])
        broken.signal_all(signal.SIGKILL)
        broken.process.wait()
        content = path.read_bytes()
        assert b"word17" in content
        path.write_bytes(content.replace(b"word17", b"wOrd17"))
        again = restart(broken)
        result = one(primary.url(), check, standbys={"west": again.url()})
        assert (result.status, result.failed_keys) == (Status.VIOLATED, ("17",)), result
    finally:
        broken.stop()


def restart(server: Server) -> Server:
    (server.directory / "data" / "postmaster.pid").unlink(missing_ok=True)
    again = _serve(server.directory, server.password, ("-c", "ignore_checksum_failure=on"))
    server.process, server.port = again.process, again.port
    return again
