"""The lab's shop while what takes its payments hangs: orders are taken, and each is paid once afterwards."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg
import pytest

from lab import payments
from tests.support import payments as dependency
from tests.support.envoy import wait_until
from tests.support.payments import Dependency
from tests.support.shop import release_files, shop_database, shop_process
from tidegate.model.dependency import Breaker

pytestmark = pytest.mark.real


@dataclass
class Shopping:
    """One user of a shop. ``database``: where its orders are."""

    http: httpx.Client
    payments: Dependency
    database: str

    def order(self) -> dict[str, object]:
        wanted = {"key": str(uuid.uuid4()), "quantity": 1, "product": "tea"}
        answer = self.http.post("/orders", json=wanted)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def rows(self, where: str) -> int:
        with psycopg.connect(self.database) as connection:
            row = connection.execute(f"select count(*) from pending_payments where {where}").fetchone()
        assert row is not None
        return int(row[0])

    def paid(self, order: dict[str, object]) -> int:
        """How often."""
        return [line["order"] for line in payments.read(self.payments.book)].count(order["order_id"])


@pytest.fixture(scope="module")
def it(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shopping]:
    root: Path = tmp_path_factory.mktemp("degraded")
    files = release_files(root / "shop", "1.0.0")
    with dependency.running(root) as behind, shop_database() as url:
        where = f"http://127.0.0.1:{behind.port}"
        with shop_process(files, url, SHOP_PAYMENTS=where) as (base, _), httpx.Client(base_url=base) as http:
            assert http.get("/").status_code == 200
            yield Shopping(http, behind, url.replace("+psycopg", "", 1))


def test_an_order_is_paid_before_it_is_placed_and_nothing_is_noted(it: Shopping) -> None:
    order = it.order()
    assert "payment" not in order
    assert (it.paid(order), it.rows("true")) == (1, 0)


def test_while_payments_hang_orders_are_taken_and_each_is_paid_once_afterwards(it: Shopping) -> None:
    it.payments.hang()
    orders = [it.order() for _ in range(8)]
    assert {order["payment"] for order in orders} == {"pending"}
    wait_until(lambda: it.payments.breaker is Breaker.OPEN, "open")
    assert it.http.get("/products").status_code == it.http.get("/cart").status_code == 200
    assert it.rows("settled_at is null") == 8
    it.payments.wake()
    wait_until(lambda: it.rows("settled_at is null") == 0, "settled", within=60)
    assert [it.paid(order) for order in orders] == [1] * 8, "those that had waited for an answer too"
    assert "payment" not in it.order()
    assert it.rows("true") == 8
