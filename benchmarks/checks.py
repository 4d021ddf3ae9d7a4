"""What data checks cost, against the same ones written by hand as one SQL statement: ``python -m benchmarks.checks``.

A real PostgreSQL (from the wheel) holds a shop with 1,000,000 orders, their events and 100,000 sessions. Both are run
in turn, several times; medians are compared, and the import of Great Expectations stands apart. Writes
``build/checks.json``; exits 1 if the checks cost more than 1.3 times the statement. ``--rows`` (1000000), ``--rounds``
(7).
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg

from lab import schema
from tests.support.postgres import database
from tidegate.checks.model import CheckSpec, Limits, specs_from_json
from tidegate.checks.preload import preload
from tidegate.checks.run import run
from tidegate.checks.snapshot import take
from tidegate.model.verdict import Verdict

LIMIT = 1.3
PATIENT = Limits(statement=300.0, total=900.0)  # a busy machine is no reason not to measure
FILL = """
insert into sessions (id, token_hash) select 's' || n, md5(n::text) from generate_series(1, {sessions}) n;
insert into order_events (order_id, session_id, kind, quantity, total_cents, release)
  select gen_random_uuid(), 's' || (1 + n % {sessions}), 'placed', 1 + n % 5, 450 * (1 + n % 5), '1.0.0'
  from generate_series(1, {rows}) n;
insert into orders (id, session_id, quantity, total_cents, release, created_at)
  select order_id, session_id, quantity, total_cents, release, created_at from order_events
"""
CHECKS: dict[str, dict[str, Any]] = {
    "orders_have_events": {
        "no_rows": "select o.id from orders o left join order_events e on e.order_id = o.id where e.order_id is null"
    },
    "events_have_orders": {
        "no_rows": "select e.order_id from order_events e left join orders o on o.id = e.order_id where o.id is null"
    },
    "totals_are_equal": {
        "equal": [
            "select coalesce(sum(total_cents), 0) from orders",
            "select coalesce(sum(total_cents), 0) from order_events",
        ]
    },
    "sessions_are_not_orphaned": {
        "no_rows": "select o.id from orders o left join sessions s on s.id = o.session_id where s.id is null"
    },
    "orders_do_not_vanish": {"not_below_snapshot": "orders"},
    "orders_follow_their_events": {
        "follows": {
            "projection": "orders",
            "events": "order_events",
            "key": "id",
            "rule": "select order_id as id, session_id, quantity, total_cents, release from order_events",
        }
    },
    "quantity_is_positive": {
        **{"table": "orders", "expect": "expect_column_values_to_be_between"},
        "arguments": {"column": "quantity", "min_value": 1},
    },
    "total_is_not_negative": {
        **{"table": "orders", "expect": "expect_column_values_to_be_between"},
        "arguments": {"column": "total_cents", "min_value": 0},
    },
    "release_is_known": {
        **{"table": "orders", "expect": "expect_column_values_to_be_in_set"},
        "arguments": {"column": "release", "value_set": ["1.0.0", "1.1.0"]},
    },
    "session_is_there": {
        **{"table": "orders", "expect": "expect_column_values_to_not_be_null"},
        "arguments": {"column": "session_id"},
    },
    "event_quantity_is_positive": {
        **{"table": "order_events", "expect": "expect_column_values_to_be_between"},
        "arguments": {"column": "quantity", "min_value": 1},
    },
    "event_kind_is_known": {
        **{"table": "order_events", "expect": "expect_column_values_to_be_in_set"},
        "arguments": {"column": "kind", "value_set": ["placed"]},
    },
}
BY_HAND = """
select
  (select count(*) from (select 1 from orders o left join order_events e on e.order_id = o.id
    where e.order_id is null limit 1000) x) as orders_have_events,
  (select count(*) from (select 1 from order_events e left join orders o on o.id = e.order_id
    where o.id is null limit 1000) x) as events_have_orders,
  (select count(*) from (select 1 from orders o left join sessions s on s.id = o.session_id
    where s.id is null limit 1000) x) as sessions_are_not_orphaned,
  (select count(*) from (select 1 from orders p full join
      (select order_id as id, session_id, quantity, total_cents, release from order_events) d on d.id = p.id
    where p.id is null or d.id is null
      or row(p.session_id, p.quantity, p.total_cents, p.release)
         is distinct from row(d.session_id, d.quantity, d.total_cents, d.release) limit 1000) x) as orders_follow,
  (o.total <> e.total)::int as totals_are_equal,
  (o.rows < %(least)s)::int as orders_do_not_vanish,
  o.quantity, o.cents, o.release, o.session, e.quantity, e.kind
from
  (select count(*) as rows, coalesce(sum(total_cents), 0) as total,
     count(*) filter (where not quantity >= 1) as quantity,
     count(*) filter (where not total_cents >= 0) as cents,
     count(*) filter (where release not in ('1.0.0', '1.1.0')) as release,
     count(*) filter (where session_id is null) as session from orders) o,
  (select coalesce(sum(total_cents), 0) as total,
     count(*) filter (where not quantity >= 1) as quantity,
     count(*) filter (where kind not in ('placed')) as kind from order_events) e
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", nargs="*", help="these checks alone, without the statement by hand")
    args = parser.parse_args()
    began = time.monotonic()
    preload()
    imported = time.monotonic() - began
    specs = specs_from_json([{"id": name, **check} for name, check in CHECKS.items()])
    with database() as url:
        fill(url, args.rows)
        figures = race(url, specs, args.rounds) if not args.only else alone(url, specs, args.only)
    figures = {"rows": args.rows, "checks": len(specs), "import_seconds": round(imported, 2), **figures}
    print(json.dumps(figures, indent=2))
    if args.only:
        return 0
    out = Path("build") / "checks.json"
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps(figures, indent=2) + "\n")
    return 0 if figures["ratio"] <= LIMIT else 1


def fill(url: str, rows: int) -> None:
    schema.create(url)
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        for statement in FILL.format(rows=rows, sessions=max(1, rows // 10)).split(";"):
            connection.execute(statement.encode())
        for table in ("sessions", "orders", "order_events"):
            connection.execute(f"vacuum analyze {table}".encode())


def race(url: str, specs: tuple[CheckSpec, ...], rounds: int) -> dict[str, Any]:
    """Seconds of both, in turn, so that what else the machine does meets both."""
    snapshot = take(url, specs, PATIENT)
    least = snapshot["tables"]["orders"]["rows"]
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(rounds):
        theirs.append(seconds(lambda: by_hand(url, least)))
        ours.append(seconds(lambda: checked(url, specs, snapshot)))
    return {
        "checks_seconds": round(statistics.median(ours), 3),
        "by_hand_seconds": round(statistics.median(theirs), 3),
        "ratio": round(statistics.median(ours) / statistics.median(theirs), 3),
        "checks_all": [round(s, 3) for s in ours],
        "by_hand_all": [round(s, 3) for s in theirs],
    }


def alone(url: str, specs: tuple[CheckSpec, ...], only: list[str]) -> dict[str, Any]:
    snapshot = take(url, specs, PATIENT)
    chosen = {s.id: s for s in specs if s.id in only or not only}
    return {name: round(seconds(lambda: checked(url, (spec,), snapshot)), 3) for name, spec in chosen.items()}  # noqa: B023


def seconds(call: Callable[[], None]) -> float:
    began = time.monotonic()
    call()
    return time.monotonic() - began


def by_hand(url: str, least: int) -> None:
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        row = connection.execute(BY_HAND, {"least": least}).fetchone()
    assert row is not None and not any(row), row


def checked(url: str, specs: tuple[CheckSpec, ...], snapshot: Any) -> None:
    report = run(url, specs, snapshot, PATIENT)
    assert report.verdict is Verdict.PASS, report.why


if __name__ == "__main__":
    sys.exit(main())
