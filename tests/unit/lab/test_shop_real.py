"""The shop as a real process on a real PostgreSQL."""

from __future__ import annotations

import json
import signal
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from lab import schema
from lab.shop.store import HOLD
from tests.support.shop import answers, release_files, shop_database, shop_process, wait_for

pytestmark = pytest.mark.real
CONSISTENT = """
select (select count(*) from orders), (select count(*) from order_events),
  (select count(*) from orders o join order_events e on e.order_id = o.id
   where (o.session_id, o.quantity, o.total_cents, o.release) = (e.session_id, e.quantity, e.total_cents, e.release))
"""

CUT = "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s and pid <> pg_backend_pid()"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with shop_database() as made:
        yield made.replace("+psycopg", "")


@pytest.fixture(scope="module")
def dials(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("dials") / "faults.json"


@pytest.fixture(scope="module")
def base(url: str, dials: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    files = release_files(tmp_path_factory.mktemp("files"), "1.2.0")
    dials.write_text('{"1.2.0": {"checkout_failures": 0}}')
    environment = {"SHOP_DB_URL": url.replace("postgresql:", "postgresql+psycopg:"), "SHOP_FAULTS": str(dials)}
    with shop_process(files, url, **environment) as (address, process):
        wait_for(lambda: answers(f"{address}/_health"), "the shop to be healthy", process)
        yield address


@pytest.fixture
def browser(base: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=base) as client:
        client.get("/")
        yield client


def query(url: str, sql: str, *values: Any) -> Any:
    with psycopg.connect(url) as connection:
        return connection.execute(sql, values).fetchone()


def order(quantity: int = 1, product: str = "tea") -> dict[str, Any]:
    return {"key": str(uuid.uuid4()), "quantity": quantity, "product": product}


def test_home_makes_a_session_and_keeps_it(base: str, url: str) -> None:
    with httpx.Client(base_url=base) as client:
        first = client.get("/")
        public_id, _, secret = client.cookies["shop_session"].partition(".")
        assert "HttpOnly" in first.headers["set-cookie"]
        assert first.json() == {"session": public_id, "new": True}
        again = client.get("/")
        assert again.json() == {"session": public_id, "new": False}
        assert "set-cookie" not in again.headers
    (row,) = query(url, "select s::text from sessions s where id = %s", public_id)
    assert secret not in row, "the secret itself is not stored"


def test_its_asset_may_be_kept_and_says_of_which_release_it_is(base: str) -> None:
    answer, running = httpx.get(f"{base}/assets/shop.css"), httpx.get(f"{base}/_release").json()
    assert answer.headers["x-release-digest"] == running["digest"]
    assert answer.headers["cache-control"] == "public, max-age=3600"


def test_a_wrong_secret_is_no_session(browser: httpx.Client) -> None:
    public_id = browser.cookies["shop_session"].partition(".")[0]
    forged = {"cookie": f"shop_session={public_id}.{'0' * 32}"}
    base = browser.base_url
    assert httpx.get(f"{base}/cart", headers=forged).status_code == 440
    assert httpx.post(f"{base}/orders", headers=forged, json=order()).status_code == 440
    assert httpx.get(f"{base}/", headers=forged).json()["new"] is True
    assert httpx.get(f"{base}/cart").status_code == 440


def test_an_order_and_its_event_stand_together(browser: httpx.Client, url: str) -> None:
    wanted = order(3, "cup")
    answer = browser.post("/orders", json=wanted)
    placed = {"order_id": wanted["key"], "quantity": 3, "total_cents": 3600, "release": "1.2.0"}
    assert (answer.status_code, answer.json()) == (201, placed)
    assert browser.get(f"/orders/{wanted['key']}").json() == placed
    assert browser.get("/cart").json()["orders"] == 1
    orders, events, same = query(url, CONSISTENT)
    assert orders == events == same


def test_the_same_key_is_the_same_order(browser: httpx.Client, url: str) -> None:
    wanted = order(2)
    answers_ = [browser.post("/orders", json=body) for body in (wanted, wanted, {**wanted, "quantity": 5})]
    assert [a.status_code for a in answers_] == [201, 201, 201]
    assert {json.dumps(a.json()) for a in answers_} == {json.dumps(answers_[0].json())}
    assert query(url, "select count(*) from order_events where order_id = %s", wanted["key"]) == (1,)


def test_the_same_key_at_the_same_time_is_one_order(browser: httpx.Client, url: str) -> None:
    wanted, statuses = order(), []
    headers = {"cookie": f"shop_session={browser.cookies['shop_session']}"}

    def place() -> None:
        statuses.append(httpx.post(f"{browser.base_url}/orders", json=wanted, headers=headers).status_code)

    threads = [threading.Thread(target=place) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [201] * 8
    assert query(url, "select count(*) from order_events where order_id = %s", wanted["key"]) == (1,)


def test_another_sessions_order_is_neither_shown_nor_taken(browser: httpx.Client, base: str) -> None:
    wanted = order()
    browser.post("/orders", json=wanted)
    with httpx.Client(base_url=base) as other:
        other.get("/")
        assert other.get(f"/orders/{wanted['key']}").status_code == 404
        assert other.post("/orders", json=wanted).status_code == 409


def test_a_failed_checkout_leaves_nothing(browser: httpx.Client, url: str, dials: Path) -> None:
    dials.write_text('{"1.2.0": {"checkout_failures": 1}}')
    wait_for(lambda: browser.post("/orders", json=order()).status_code == 500, "the dial to be seen")
    placed_meanwhile = query(url, CONSISTENT)
    failed = [browser.post("/orders", json=order()) for _ in range(5)]
    assert [a.status_code for a in failed] == [500] * 5
    assert {a.headers["x-release"] for a in failed} == {"1.2.0"}
    assert query(url, CONSISTENT) == placed_meanwhile
    dials.write_text('{"1.2.0": {"checkout_failures": 0.0}}')
    wait_for(lambda: browser.post("/orders", json=order()).status_code == 201, "the dial to be seen")


@pytest.mark.parametrize("path", ["/", "/products", "/cart", "/nowhere", "/_health", "/_release", "/orders/x"])
def test_every_answer_names_its_release(browser: httpx.Client, path: str) -> None:
    assert browser.get(path).headers["x-release"] == "1.2.0"


def test_events_are_append_only(browser: httpx.Client, url: str) -> None:
    browser.post("/orders", json=order())
    for statement in ("delete from order_events", "update order_events set quantity = 1", "truncate order_events"):
        with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
            query(url, statement)


def test_the_schema_may_be_created_again(browser: httpx.Client, url: str) -> None:
    browser.post("/orders", json=order())
    before = query(url, CONSISTENT)
    schema.create(url)
    assert query(url, CONSISTENT) == before


def test_a_stop_ends_requests_in_flight_first(url: str, tmp_path: Path) -> None:
    slow = tmp_path / "slow.json"
    slow.write_text('{"1.0.0": {"slow_tail": 120, "tail_part": 1}}')  # about 4 s a checkout: longer than the drain
    environment = {"SHOP_FAULTS": str(slow), "SHOP_DRAIN_SECONDS": "1.5"}
    with shop_process(release_files(tmp_path / "files", "1.0.0"), url, **environment) as (base, process):
        cookie = httpx.get(f"{base}/").cookies["shop_session"]
        with socket.create_connection(("127.0.0.1", int(base.rpartition(":")[2])), timeout=30) as connection:
            connection.sendall(raw_order(cookie))
            process.send_signal(signal.SIGTERM)
            wait_for(lambda: httpx.get(f"{base}/_health").status_code == 503, "the shop to say it drains", within=5)
            answer = connection.recv(65536)
        process.wait(10)
    assert answer.startswith(b"HTTP/1.1 201"), answer


def test_a_stop_waits_for_whoever_still_asks(url: str, tmp_path: Path) -> None:
    """The edge may be slow to see that it drains: what it still sends is answered."""
    with shop_process(release_files(tmp_path / "files", "1.0.0"), url, SHOP_DRAIN_SECONDS="0.1") as (base, process):
        process.send_signal(signal.SIGTERM)
        wait_for(lambda: httpx.get(f"{base}/_health").status_code == 503, "the shop to say it drains", within=5)
        answers = [httpx.get(f"{base}/products").status_code for _ in range(30)]
        process.wait(20)
    assert set(answers) == {200}


def raw_order(cookie: str) -> bytes:
    body = json.dumps(order())
    head = f"POST /orders HTTP/1.1\r\nhost: shop\r\ncookie: shop_session={cookie}\r\ncontent-length: {len(body)}"
    return f"{head}\r\n\r\n{body}".encode()


def test_without_a_database_it_runs_but_is_not_healthy(tmp_path: Path) -> None:
    secret = "s3cret-word"
    url = f"postgresql://shop:{secret}@127.0.0.1:9/shop"
    with shop_process(release_files(tmp_path, "1.0.0"), url) as (base, _):
        health = httpx.get(f"{base}/_health", timeout=10)
        home = httpx.get(f"{base}/", timeout=30)
    assert (health.status_code, home.status_code) == (503, 503)
    assert secret not in health.text + home.text


def test_requests_wait_out_a_database_that_comes_back(browser: httpx.Client, url: str) -> None:
    """Every connection is cut under the shop: no request fails, and no order is placed twice."""
    name = url.rpartition("/")[2]
    statuses: list[int] = []
    headers = {"cookie": f"shop_session={browser.cookies['shop_session']}"}

    def shop_on() -> None:
        statuses.extend(
            httpx.post(f"{browser.base_url}/orders", json=order(), headers=headers, timeout=20).status_code
            for _ in range(8)
        )

    threads = [threading.Thread(target=shop_on) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(3):
        query(url, CUT, name)
    for thread in threads:
        thread.join()
    assert statuses == [201] * 32
    orders, events, same = query(url, CONSISTENT)
    assert orders == events == same


def test_while_nobody_takes_writes_reads_are_served_and_writes_are_told_to_come_back(tmp_path: Path) -> None:
    with shop_database() as made:
        url = made.replace("+psycopg", "")
        name = url.rpartition("/")[2]
        files = release_files(tmp_path, "1.0.0")
        with shop_process(files, f"{url}?target_session_attrs=read-write") as (base, process):
            wait_for(lambda: answers(f"{base}/_health"), "the shop to be healthy", process)
            with httpx.Client(base_url=base, timeout=30) as client:
                client.get("/")
                assert client.post("/orders", json=order()).status_code == 201
                with psycopg.connect(url, autocommit=True) as connection:
                    connection.execute(f'alter database "{name}" set default_transaction_read_only = on')
                    connection.execute(CUT, (name,))
                    told = client.post("/orders", json=order())
                    began = time.monotonic()
                    later = [client.post("/orders", json=order()) for _ in range(10)]
                    took = time.monotonic() - began
                    assert {(one.status_code, one.headers["retry-after"]) for one in (told, *later)} == {(503, "2")}
                    assert took < 5 * HOLD, "nobody waits for what is known to be away"
                    wait_for(lambda: client.get("/cart").status_code == 200, "reads to be served", process)
                    assert client.get("/cart").json()["orders"] == 1
                    first = httpx.get(f"{base}/", timeout=30)
                    assert (first.status_code, first.json()["session"], first.cookies.get("shop_session")) == (
                        200,
                        None,
                        None,
                    )
                    wait_for(lambda: answers(f"{base}/_health"), "it to be well: it can still show things", process)
                    connection.execute("set default_transaction_read_only = off")
                    connection.execute(f'alter database "{name}" reset default_transaction_read_only')
                wait_for(lambda: client.post("/orders", json=order()).status_code == 201, "writes again", process)
