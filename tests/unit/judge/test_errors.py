from __future__ import annotations

import itertools
import math
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from tests.support.judging import START, seen, settings
from tidegate.judge.errors import BETS, PRIOR, ErrorComparison, with_margin

WEIGHTS = st.sampled_from([0.01, 0.05, 0.25, 0.5, 0.75])


def path(owners: Iterable[bool], weights: Iterable[float], **how: object) -> list[float]:
    """E after each error."""
    process, found = ErrorComparison(settings(endpoints=("checkout",), **how)), []
    for owner, weight in zip(owners, weights, strict=False):
        process.observe(seen(candidate=owner, weight=weight, failed=True), START)
        found.append(math.exp(process.log_e()))
    return found


def chance(owners: Iterable[bool], probabilities: Iterable[float]) -> float:
    return math.prod(p if owner else 1 - p for owner, p in zip(owners, probabilities, strict=True))


def test_e_is_the_formula() -> None:
    """FACTS' closed form for c candidate and d stable errors at one weight."""
    weight, c, d = 0.05, 3, 4
    expected = 0.0
    for prior, t in zip(PRIOR, BETS, strict=True):
        q = weight * t / (weight * t + 1 - weight)
        expected += prior * (q / weight) ** c * ((1 - q) / (1 - weight)) ** d
    assert path([True] * c + [False] * d, [weight] * (c + d))[-1] == pytest.approx(expected)


@effort(max_examples=30, deadline=None)
@given(st.lists(WEIGHTS, min_size=1, max_size=7), st.sampled_from([1.0, 1.5, 3.0]))
def test_expectation_is_one_at_the_edge_of_the_null(weights: list[float], margin: float) -> None:
    """Over all 2^n assignments of n errors to arms, whatever the weights in force were."""
    allowed = [with_margin(w, margin) for w in weights]
    total = sum(
        chance(owners, allowed) * path(owners, weights, margin_errors=margin)[-1]
        for owners in itertools.product([True, False], repeat=len(weights))
    )
    assert total == pytest.approx(1.0)


@effort(max_examples=20, deadline=None)
@given(st.lists(WEIGHTS, min_size=1, max_size=7), st.floats(0.0, 1.0))
def test_expectation_is_at_most_one_for_a_better_candidate(weights: list[float], better: float) -> None:
    total = sum(
        chance(owners, [better * w for w in weights]) * path(owners, weights)[-1]
        for owners in itertools.product([True, False], repeat=len(weights))
    )
    assert total <= 1 + 1e-9


@pytest.mark.parametrize("alpha", [0.3, 0.1, 0.02])
def test_chance_of_ever_crossing_is_at_most_alpha(alpha: float) -> None:
    """Looked at after every error, by enumeration of 11 errors."""
    weights = [0.05] * 4 + [0.25] * 4 + [0.5] * 3
    crossed = sum(
        chance(owners, weights)
        for owners in itertools.product([True, False], repeat=len(weights))
        if max(path(owners, weights)) >= 1 / alpha
    )
    assert 0 < crossed <= alpha


@effort(deadline=None)
@given(st.lists(st.tuples(st.booleans(), WEIGHTS), min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_order_does_not_matter(errors: list[tuple[bool, float]], rng: object) -> None:
    shuffled = list(errors)
    rng.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = (path(*zip(*order, strict=True))[-1] for order in (errors, shuffled))
    assert one == pytest.approx(other, rel=1e-9)


def test_only_the_first_error_of_a_session_counts_whatever_arm_and_class() -> None:
    process = ErrorComparison(settings())
    first = seen(candidate=False, weight=0.05, failed=True, session="s", endpoint="browse")
    process.observe(first, START)
    level = process.log_e()
    for again in (first, seen(candidate=True, weight=0.5, failed=True, session="s", region="west")):
        process.observe(again, START + 1)
    assert process.log_e() == level
    assert process.units == {"candidate": 0, "stable": 1}


def test_a_request_without_a_session_is_a_unit_of_its_own() -> None:
    process = ErrorComparison(settings())
    for _ in range(3):
        process.observe(seen(candidate=True, failed=True), START)
    assert process.units["candidate"] == 3


def test_good_requests_say_nothing() -> None:
    process = ErrorComparison(settings())
    process.observe(seen(candidate=True, session="s"), START)
    assert process.log_e() == pytest.approx(0.0)
    process.observe(seen(candidate=True, session="s", failed=True), START)
    assert process.log_e() > 0


def test_a_margin_asks_for_more() -> None:
    errors = ([True] * 6, [0.25] * 6)
    assert path(*errors, margin_errors=1.5)[-1] < path(*errors)[-1] / 4


def test_clustered_errors_would_cross_if_they_counted() -> None:
    """The same twenty errors of one session: one unit, no verdict; twenty units would be one."""
    one, many = ErrorComparison(settings()), ErrorComparison(settings())
    for n in range(20):
        one.observe(seen(candidate=True, weight=0.05, failed=True, session="s"), START + n)
        many.observe(seen(candidate=True, weight=0.05, failed=True, session=f"s{n}"), START + n)
    assert one.log_e() < math.log(20)
    assert many.log_e() > math.log(1e6)
