"""When one endpoint class counts as failing in one region alone."""

from __future__ import annotations

import pytest

from tidegate.judge.classes import Rule, Tally, count, rule_on

RULE = Rule(errors=0.2, requests=20, within=5.0)
GOOD, BAD, SOME, FEW = Tally(100, 0), Tally(100, 60), Tally(100, 10), Tally(19, 19)
PAY_EAST, PAY_WEST, SEE_EAST, SEE_WEST = ("east", "pay"), ("west", "pay"), ("east", "see"), ("west", "see")
ONE_CLASS = {PAY_EAST: BAD, PAY_WEST: GOOD, SEE_EAST: GOOD, SEE_WEST: GOOD}


def test_one_class_in_one_region() -> None:
    found = rule_on(RULE, ONE_CLASS).failing
    assert found is not None
    assert (found.endpoint, found.region, found.elsewhere) == ("pay", "east", "west")
    assert found.why == "pay in east: 60 of 100 failed within 5 s; in west 0 of 100 failed"


@pytest.mark.parametrize(
    ("but", "why"),
    [
        ({PAY_EAST: GOOD}, ""),
        ({PAY_EAST: Tally(100, 19)}, ""),
        ({PAY_EAST: FEW}, ""),
        ({SEE_EAST: BAD}, "more than one class, or in more than one region"),
        ({PAY_WEST: BAD}, "more than one class, or in more than one region"),
        ({SEE_WEST: BAD}, "more than one class, or in more than one region"),
        ({SEE_EAST: SOME}, "not known that the rest of east is well"),
        ({SEE_EAST: FEW}, "not known that the rest of east is well"),
        ({PAY_WEST: SOME}, "not known that it is well in another region"),
        ({PAY_WEST: FEW}, "not known that it is well in another region"),
        ({PAY_WEST: Tally()}, "not known that it is well in another region"),
    ],
)
def test_anything_wider_or_less_sure_moves_no_route(but: dict[tuple[str, str], Tally], why: str) -> None:
    ruling = rule_on(RULE, {**ONE_CLASS, **but})
    assert ruling.failing is None
    assert why in ruling.why
    assert bool(ruling.why) == bool(why)


def test_just_enough_is_enough() -> None:
    assert rule_on(RULE, {**ONE_CLASS, PAY_EAST: Tally(20, 4)}).failing is not None
    assert rule_on(RULE, {**ONE_CLASS, PAY_EAST: Tally(20, 3)}).failing is None


def test_of_three_regions_the_one_that_is_seen_best() -> None:
    found = rule_on(RULE, {**ONE_CLASS, ("north", "pay"): Tally(500, 1)}).failing
    assert found is not None
    assert found.elsewhere == "north"


def test_each_request_counts_once() -> None:
    seen = [("east", "pay", True), ("east", "pay", False), ("west", "pay", False)]
    assert count(seen) == {PAY_EAST: Tally(2, 1), PAY_WEST: Tally(1, 0)}
