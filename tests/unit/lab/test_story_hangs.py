"""What is told of a dependency that hung, and what of it is not as it should be."""

from __future__ import annotations

from dataclasses import replace

from lab.load.journal import Request
from lab.story.hangs import Hang, complaints, times_paid
from lab.story.users_saw import Users, by_class, users

GOOD = Hang(0.4, 0.9, 6.0, 20.0, {"hanging browse": Users(900, 0, 31.0)}, 30, 12, 0, {1: 30})


def request(at: float, endpoint: str, ms: float = 20.0, status: int = 200) -> Request:
    return Request(at, "s", endpoint, status, ms, "1.0.0", "", "")


def test_users_are_told_by_moment_and_class() -> None:
    seen = [request(1.0, "checkout", 300.0), request(1.5, "cart"), request(2.5, "checkout", 40.0, 503)]
    found = by_class(seen, {"before": (0.0, 2.0), "hanging": (2.0, 3.0)})
    assert found["before checkout"] == Users(1, 0, 300.0)
    assert found["hanging checkout"] == Users(1, 1, 40.0)
    assert found["hanging browse"] == Users(0, 0, None)


def test_the_99th_percentile_is_the_nearest_rank() -> None:
    assert users([request(0.0, "cart", float(ms)) for ms in range(200)]).p99_ms == 198.0


def test_an_order_that_was_never_paid_is_counted_as_well() -> None:
    assert times_paid(["a", "b", "c"], [{"order": "a"}, {"order": "c"}, {"order": "c"}]) == {1: 1, 0: 1, 2: 1}


def test_what_is_not_as_it_should_be_is_said() -> None:
    assert complaints(GOOD, 2.0) == []
    failed = replace(GOOD, users={"hanging browse": Users(900, 2, 31.0)})
    assert complaints(failed, 2.0) == ["hanging browse: 2 of 900 failed"]
    assert complaints(GOOD, 0.03) == ["hanging browse: p99 31.0 ms, promised 30 ms"]
    assert complaints(replace(GOOD, pending=0), 2.0) == ["no order was taken with its payment pending"]
    assert complaints(replace(GOOD, unsettled=3), 2.0) == ["3 payments are still pending"]
    assert complaints(replace(GOOD, paid={1: 29, 2: 1}), 2.0) == ["orders by how often they were paid: {1: 29, 2: 1}"]
