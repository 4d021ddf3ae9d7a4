"""What counts as the service being back after a kill, and what is told of many kills."""

from __future__ import annotations

from lab.load.journal import Request
from lab.story.kills import percentile, told
from lab.story.region_killed import Kill, back_after


def order(at: float, ms: float = 20.0, status: int = 201) -> Request:
    return Request(at, "s", "checkout", status, ms, "1.0.0", "id" if status == 201 else "", "")


def orders(since: float, until: float, every: float = 0.1) -> list[Request]:
    return [order(since + n * every) for n in range(int((until - since) / every))]


def test_back_is_when_the_first_order_ended_after_which_all_are_taken() -> None:
    assert back_after([order(9.9), *orders(13.0, 16.0)], 10.0) == 3.02


def test_what_began_before_the_kill_does_not_count() -> None:
    assert back_after([order(9.9, 300.0), *orders(14.0, 17.0)], 10.0) == 4.02


def test_one_that_is_taken_and_then_none_is_not_back() -> None:
    assert back_after([order(11.0), *orders(15.0, 18.0)], 10.0) == 5.02


def test_a_refused_one_within_the_second_begins_it_anew() -> None:
    found = back_after(sorted([*orders(12.0, 16.0), order(12.55, status=503)]), 10.0)
    assert found is not None
    assert round(found, 2) == 2.62


def test_a_second_that_is_not_over_proves_nothing() -> None:
    assert back_after(orders(12.0, 12.8), 10.0) is None


def test_browsing_is_no_proof_of_writes() -> None:
    assert back_after([r._replace(endpoint="browse", order="") for r in orders(11.0, 15.0)], 10.0) is None


def test_the_ninety_fifth_of_twenty_is_the_nineteenth() -> None:
    assert percentile([float(n) for n in range(20, 0, -1)], 0.95) == 19.0
    assert percentile([3.0], 0.95) == 3.0


def test_a_kill_that_never_came_back_leaves_no_figure() -> None:
    good = Kill(2.5, 0, 0, 40, 30.0, "failed_over", {})
    lost = Kill(None, 3, 0, 40, None, "running", {})
    assert told([good, good])["rto_p95"] == 2.5
    said = told([good, lost])
    assert (said["rto_p95"], said["orders_lost"], said["not_ended_well"]) == (None, 3, ["running"])
