from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st
from scipy import special, stats

from tidegate.judge.bounds import Stratum, beta_tail, difference, lower_limit, more_requests, upper_limit


def clean(candidate: int, stable: int = 1000, region: str = "east") -> Stratum:
    return Stratum(region, candidate, 0, 0, stable, 0, 0)


@effort(deadline=None)
@given(st.floats(0.05, 500), st.floats(0.05, 5000), st.floats(0, 1))
def test_incomplete_beta_is_scipys(a: float, b: float, x: float) -> None:
    assert beta_tail(a, b, x) == pytest.approx(float(special.betainc(a, b, x)), rel=1e-7, abs=1e-10)


@effort(deadline=None)
@given(st.integers(1, 3000), st.data(), st.sampled_from([0.8, 0.95, 0.99]))
def test_limits_are_clopper_and_pearsons(requests: int, data: st.DataObject, confidence: float) -> None:
    errors = data.draw(st.integers(0, requests))
    exact = stats.binomtest(errors, requests)
    upper = exact.proportion_ci(1 - 2 * (1 - confidence), "exact").high
    lower = exact.proportion_ci(1 - 2 * (1 - confidence), "exact").low
    assert upper_limit(errors, requests, confidence) == pytest.approx(upper, abs=1e-9)
    assert lower_limit(errors, requests, confidence) == pytest.approx(lower, abs=1e-9)


def test_three_hundred_clean_requests_buy_one_point() -> None:
    assert difference([clean(298)], 0.95).upper >= 0.01  # type: ignore[union-attr]
    assert difference([clean(299)], 0.95).upper < 0.01  # type: ignore[union-attr]


def test_stable_errors_loosen_what_is_known() -> None:
    noisy = Stratum("east", 1000, 10, 10, 300, 3, 3)
    sharp = Stratum("east", 1000, 10, 10, 30_000, 300, 300)
    assert difference([noisy], 0.95).upper > difference([sharp], 0.95).upper  # type: ignore[union-attr]


def test_a_surge_while_the_candidate_was_small_does_not_flatter_it() -> None:
    """Pooled, the candidate looks better by far; stratum by stratum it is a point worse."""
    early = Stratum("east", 50, 6, 6, 950, 104, 104)  # both fail about 11 %
    late = Stratum("east", 500, 10, 10, 500, 5, 5)  # 2 % against 1 %
    found = difference([early, late], 0.95)
    assert found is not None
    pooled = 16 / 550 - 109 / 1450
    assert pooled < -0.04
    assert found.candidate - found.stable == pytest.approx(16 / 550 - (50 / 550 * 104 / 950 + 500 / 550 * 0.01))
    assert found.upper > 0.02


def test_clustered_errors_count_by_session() -> None:
    single, clustered = Stratum("east", 1000, 5, 5, 1000, 10, 10), Stratum("east", 1000, 5, 1, 1000, 10, 2)
    assert difference([clustered], 0.95).upper > 1.3 * difference([single], 0.95).upper  # type: ignore[union-attr]


def test_without_both_arms_there_is_no_bound() -> None:
    assert difference([Stratum("east", 0, 0, 0, 9, 0, 0), Stratum("east", 9, 0, 0, 0, 0, 0)], 0.95) is None


@pytest.mark.parametrize("have", [1, 100, 250])
def test_what_is_missing_is_just_enough(have: int) -> None:
    more = more_requests([clean(have, 10 * have)], 0.95, 0.01)
    assert more is not None and abs(have + more - 299) <= 2


def test_nothing_suffices_for_a_candidate_that_is_worse() -> None:
    assert more_requests([Stratum("east", 100, 5, 5, 1000, 0, 0)], 0.95, 0.01) is None


def test_coverage_of_the_bound_at_the_usual_rates() -> None:
    """Exact over both binomials: a candidate worse by one point is passed at one look in at most 5 %."""
    n, m, p_stable = 400, 1200, 0.002
    passed = 0.0
    for errors in range(0, 12):
        for stable in range(0, 12):
            bound = difference([Stratum("east", n, errors, errors, m, stable, stable)], 0.95)
            if bound is not None and bound.upper < 0.01:
                passed += stats.binom.pmf(errors, n, p_stable + 0.01) * stats.binom.pmf(stable, m, p_stable)
    assert 0 < passed <= 0.05
    assert math.isfinite(passed)
