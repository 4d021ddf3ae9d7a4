"""The load as a real process: bounded, stopped cleanly, and seeing what goes wrong."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab.load import records
from lab.load.journal import Request, entries
from tests.support.postgres import free_port
from tests.support.shop import (
    REPOSITORY,
    answers,
    ended,
    release_files,
    shop_database,
    shop_process,
    wait_for,
)
from tests.support.stub_shop import StubShop, stub_shop

pytestmark = pytest.mark.real


@pytest.fixture
def shop() -> Iterator[StubShop]:
    with stub_shop() as server:
        yield server


@contextmanager
def load(host: str, out: Path, seconds: float = 120, users: int = 20, *more: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "lab.load", "--host", host, "--users", str(users), "--spawn-rate", "50"]
    command += ["--seconds", str(seconds), "--out", str(out), *more]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "include")}
    with ended(subprocess.Popen(command, env=environment, start_new_session=True)) as process:
        yield process


def requests(out: Path) -> list[Request]:
    return entries(out)[0] if (out / "load.jsonl").exists() else []


def run_until(shop: StubShop, out: Path, enough: int) -> list[Request]:
    """Load until ``enough`` requests are recorded, then stop it."""
    with load(shop.url, out, users=60) as process:
        wait_for(lambda: len(requests(out)) >= enough, f"{enough} requests", process)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    return requests(out)


def test_it_stops_by_itself_and_sums_up(shop: StubShop, tmp_path: Path) -> None:
    with load(shop.url, tmp_path, seconds=4) as process:
        assert process.wait(60) == 0
    summary, seen = json.loads((tmp_path / "summary.json").read_text()), requests(tmp_path)
    assert summary["ended_by"] == "time"
    assert summary["window"]["requests"] == pytest.approx(len(seen), abs=20)
    assert (summary["window"]["failed"], summary["window"]["bad"]) == (0, 0), [r for r in seen if r.bad]
    assert len(seen) == shop.requests, "every request that the shop saw is on record"
    assert {r.release for r in seen} == {"9.9.9"}
    started = [e.session for e in entries(tmp_path)[1] if e.what == "s"]
    assert set(started) == {c.partition(".")[0] for c in shop.cookies}
    assert sum(1 for e in entries(tmp_path)[1] if e.what == "e") == len(started), "who came has left"


def test_sigterm_ends_it_cleanly_in_the_middle(shop: StubShop, tmp_path: Path) -> None:
    seen = run_until(shop, tmp_path, 40)
    assert json.loads((tmp_path / "summary.json").read_text())["ended_by"] == "SIGTERM"
    assert not any(r.bad for r in seen), "nobody is cut off by our own stop"
    assert len(seen) == shop.requests


def test_a_stop_file_ends_it(shop: StubShop, tmp_path: Path) -> None:
    with load(shop.url, tmp_path, 120, 20, "--stop-file", str(tmp_path / "stop")) as process:
        wait_for(lambda: len(requests(tmp_path)) > 0, "a request", process)
        (tmp_path / "stop").touch()
        assert process.wait(30) == 0
    assert json.loads((tmp_path / "summary.json").read_text())["ended_by"] == "stop file"


def test_it_does_not_outlive_who_started_it(shop: StubShop, tmp_path: Path) -> None:
    script = f"""import subprocess, sys, time
subprocess.Popen([sys.executable, "-m", "lab.load", "--host", "{shop.url}", "--seconds", "120", "--out", "{tmp_path}"])
time.sleep(120)"""
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "include")}
    with ended(subprocess.Popen([sys.executable, "-c", script], env=environment, start_new_session=True)) as parent:
        wait_for(lambda: len(requests(tmp_path)) > 0, "a request", parent)
        parent.kill()
        wait_for((tmp_path / "summary.json").exists, "the load to end")
    assert json.loads((tmp_path / "summary.json").read_text())["ended_by"] == "parent gone"


def test_the_number_of_requests_is_bounded(shop: StubShop, tmp_path: Path) -> None:
    with load(shop.url, tmp_path, 120, 20, "--max-requests", "30") as process:
        assert process.wait(60) == 0
    assert json.loads((tmp_path / "summary.json").read_text())["ended_by"] == "requests"
    assert 30 <= shop.requests < 100


def test_records_can_be_read_while_it_runs(shop: StubShop, tmp_path: Path) -> None:
    with load(shop.url, tmp_path) as process:
        wait_for(lambda: len(requests(tmp_path)) > 20, "requests on record", process)
        newest = max(r.ended for r in requests(tmp_path))
        wait_for(lambda: max(r.ended for r in requests(tmp_path)) > newest, "fresh requests", process, within=3)
        assert records.read(tmp_path, 0, time.time()).requests >= 20
        assert process.poll() is None


@pytest.mark.parametrize(
    ("mood", "endpoint", "status", "error", "broken"),
    [
        ("error", "checkout", 500, "not placed", False),
        ("liar", "checkout", 201, "not placed", False),
        ("amnesia", "cart", 440, "wrong answer", True),
        ("replace", "home", 200, "wrong answer", True),
        ("mute", "cart", 0, "HTTPConnectionClosed", False),
    ],
)
def test_what_users_see_go_wrong(
    shop: StubShop, tmp_path: Path, mood: str, endpoint: str, status: int, error: str, broken: bool
) -> None:
    shop.mood = mood
    seen = run_until(shop, tmp_path, 150)
    bad = Counter((r.endpoint, r.status, r.error) for r in seen if r.bad)
    assert bad[endpoint, status, error] > 0, bad
    window = records.read(tmp_path, 0, time.time() + 1)
    assert window.failed == (sum(bad.values()) if status in (0, 500) else 0)
    assert (window.sessions_broken > 0) is broken
    acknowledged = [r for r in seen if r.order]
    assert bool(acknowledged) is (mood not in ("error", "liar", "amnesia"))
    assert len(seen) == shop.requests, "nothing was asked twice behind the record's back"


def test_a_shop_that_is_away_is_failed_requests(tmp_path: Path) -> None:
    with load(f"http://127.0.0.1:{free_port()}", tmp_path, seconds=3) as process:
        assert process.wait(60) == 0
    window = records.read(tmp_path, 0, time.time())
    assert window.requests == window.failed == window.bad > 0
    assert window.sessions_started == 0
    assert window.min_sessions is None


def test_orders_are_counted_against_the_database(tmp_path: Path) -> None:
    import psycopg

    with (
        shop_database() as url,
        shop_process(release_files(tmp_path / "files", "1.0.0"), url.replace("+psycopg", "")) as (
            base,
            process,
        ),
    ):
        wait_for(lambda: answers(f"{base}/_health"), "the shop to be healthy", process)
        with load(base, tmp_path / "out", seconds=5, users=20) as users:
            assert users.wait(60) == 0
        acknowledged = records.orders_acknowledged(tmp_path / "out", 0, time.time())
        assert len(acknowledged) > 5
        assert records.orders_lost(tmp_path / "out", url, 0, time.time()) == 0
        with psycopg.connect(url.replace("+psycopg", "")) as connection:
            connection.execute("delete from orders where id = %s", (acknowledged[0],))
            connection.execute("alter table order_events disable trigger all")
            connection.execute("delete from order_events where order_id = %s", (acknowledged[1],))
        assert records.orders_lost(tmp_path / "out", url, 0, time.time()) == 2
    window = records.read(tmp_path / "out", 0, time.time())
    assert (window.failed, window.bad, window.sessions_broken) == (0, 0, 0)
