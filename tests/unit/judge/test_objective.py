from __future__ import annotations

import itertools
import math
import random

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st
from scipy.stats import norm

from tests.support.judging import START, seen, settings
from tidegate.judge.objective import Objective, burn


def log_e(missed: list[bool], budget: float = 0.1, session: str | None = None) -> float:
    process = Objective(settings(endpoints=("checkout",)), budget)
    for one in missed:
        process.observe(seen(candidate=True, weight=1.0, session=session), one, START)
    return process.log_e()


def expectation(budget: float, p: float, length: int) -> float:
    paths = itertools.product([True, False], repeat=length)
    return sum(p ** sum(x) * (1 - p) ** (length - sum(x)) * math.exp(log_e(list(x), budget)) for x in paths)


@effort(max_examples=15, deadline=None)
@given(st.sampled_from([0.001, 0.01, 0.2]), st.integers(1, 7))
def test_expectation_is_one_at_the_budget(budget: float, length: int) -> None:
    assert expectation(budget, budget, length) == pytest.approx(1.0)


@effort(max_examples=15, deadline=None)
@given(st.sampled_from([0.01, 0.2]), st.floats(0, 1))
def test_expectation_is_at_most_one_within_the_budget(budget: float, part: float) -> None:
    assert expectation(budget, part * budget, 6) <= 1 + 1e-9


def test_a_release_within_its_objective_is_seldom_blamed_and_one_beyond_it_is() -> None:
    rng = random.Random(1)

    def crosses(p: float) -> bool:
        process = Objective(settings(endpoints=("checkout",)), 0.01)
        for _ in range(1500):
            process.observe(seen(candidate=True, weight=1.0), rng.random() < p, START)
            if process.log_e() > math.log(1 / 0.05):
                return True
        return False

    assert sum(crosses(0.01) for _ in range(60)) <= 6
    assert sum(crosses(0.08) for _ in range(20)) == 20


def test_a_session_counts_until_its_first_failure() -> None:
    assert log_e([True] * 30, session="s") == log_e([True])
    assert log_e([False, True, True, False], session="s") == log_e([False, True])


def test_burn_is_the_ratio_to_the_budget_with_wilsons_lower_bound() -> None:
    found = burn(200, 20, 0.01)
    z, p, n = norm.ppf(0.95), 0.1, 200
    wilson = (p + z * z / (2 * n) - z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))) / (1 + z * z / n)
    assert found.rate == pytest.approx(10.0)
    assert found.at_least == pytest.approx(wilson / 0.01)


def test_one_error_in_five_is_no_disaster_yet_and_none_is_no_burn() -> None:
    few, many, none = burn(5, 1, 0.001), burn(500, 100, 0.001), burn(0, 0, 0.001)
    assert few.rate == pytest.approx(200) and few.at_least is not None and few.at_least < 60
    assert many.at_least is not None and many.at_least > 170
    assert (none.rate, none.at_least) == (None, None)


@pytest.mark.parametrize(("requests", "errors", "budget"), [(1, 2, 0.1), (1, -1, 0.1), (1, 0, 0.0), (1, 0, 1.0)])
def test_counts_that_cannot_be_are_refused(requests: int, errors: int, budget: float) -> None:
    with pytest.raises(ValueError, match="cannot be"):
        burn(requests, errors, budget)
