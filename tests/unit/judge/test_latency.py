from __future__ import annotations

import itertools
import json
import math
import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st
from scipy.stats import norm

from tests.support.judging import START, seen, settings
from tidegate.judge import ranks
from tidegate.judge.latency import ENOUGH, WINDOW, LatencyComparison

CROWD = [20.0 + n for n in range(ENOUGH)]  # fills the window before any bet

Request = tuple[float, str | None]  # milliseconds, session


def log_e(
    requests: Sequence[Request],
    owners: Sequence[bool],
    weight: float,
    margin: float = 1.0,
    classes: Sequence[str] = ("checkout",),
) -> float:
    """``classes``: the requests are of these in turn."""
    process = LatencyComparison(settings(endpoints=tuple(classes), margin_latency=margin), margin)
    for n, ms in enumerate(CROWD):
        for name in classes:
            crowd = seen(candidate=False, weight=weight, milliseconds=ms, endpoint=name, started=START + n / 10)
            process.observe(crowd, START + n / 10)
    for n, ((ms, session), owner) in enumerate(zip(requests, owners, strict=True)):
        name = classes[n % len(classes)]
        one = seen(candidate=owner, weight=weight, milliseconds=ms, session=session, endpoint=name, started=START + n)
        process.observe(one, START + 5 + n / 10)
    return process.log_e()


@effort(max_examples=25, deadline=None)
@given(
    st.lists(st.sampled_from([1.0, 30.0, 49.0, 49.5, 60.0, 400.0]), min_size=1, max_size=6),
    st.sampled_from([0.05, 0.25, 0.5]),
)
def test_expectation_is_one_over_all_assignments_of_requests(latencies: list[float], weight: float) -> None:
    """Whatever the latencies are (also drifting, also tied): only the router's coin is random."""
    requests = [(ms, None) for ms in latencies]
    total = 0.0
    for owners in itertools.product([True, False], repeat=len(requests)):
        chance = math.prod(weight if owner else 1 - weight for owner in owners)
        total += chance * math.exp(log_e(requests, owners, weight))
    assert total == pytest.approx(1.0)


@effort(max_examples=20, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from([1.0, 45.0, 60.0, 400.0]), st.sampled_from("abcd")), min_size=2, max_size=14),
    st.sampled_from([0.05, 0.25]),
    st.sampled_from([("checkout",), ("checkout", "browse")]),
)
def test_expectation_is_one_over_all_assignments_of_sessions(
    requests: list[Request], weight: float, classes: tuple[str, ...]
) -> None:
    """A session is one coin, however many requests it has, however alike they are, whatever their classes."""
    sessions = sorted({name for _, name in requests if name})
    total = 0.0
    for arms in itertools.product([True, False], repeat=len(sessions)):
        arm = dict(zip(sessions, arms, strict=True))
        chance = math.prod(weight if owner else 1 - weight for owner in arms)
        owners = [arm[name or ""] for _, name in requests]
        total += chance * math.exp(log_e(requests, owners, weight, classes=classes))
    assert total == pytest.approx(1.0)


@pytest.mark.parametrize("weight", [0.05, 0.25, 0.5, 0.9])
def test_bets_by_rank_are_fair_and_grow_with_the_rank(weight: float) -> None:
    """Fair for every request (coin) and for every arm (uniform ranks), so that neither alone needs to be trusted."""
    candidate, stable = ranks.rank_factors(weight)
    for bet in range(ranks.BY_RANK):
        mine, other = [math.exp(row[bet]) for row in candidate], [math.exp(row[bet]) for row in stable]
        assert sum(mine) / ranks.BINS == pytest.approx(1.0, abs=1e-6)
        assert sum(other) / ranks.BINS == pytest.approx(1.0, abs=1e-6)
        assert all(weight * a + (1 - weight) * b == pytest.approx(1.0) for a, b in zip(mine, other, strict=True))
        assert all(b >= a - 1e-12 for a, b in itertools.pairwise(mine))


def test_shift_bet_is_the_likelihood_ratio_of_normal_scores() -> None:
    """At a vanishing weight q/w tends to h(u) = φ(z-δ)/φ(z)."""
    candidate, _ = ranks.rank_factors(0.0005)
    for place, delta in enumerate(ranks.SHIFTS):
        for b in (10, 300, 512, 700, 1000):
            z = norm.ppf((b + 0.5) / ranks.BINS)
            assert candidate[b][place] == pytest.approx(norm.logpdf(z - delta) - norm.logpdf(z), abs=0.02)


def test_a_slow_candidate_is_found_and_a_margin_forgives_it() -> None:
    rng = random.Random(4)
    owners = [rng.random() < 0.25 for _ in range(500)]
    requests: list[Request] = [(rng.lognormvariate(3.7, 0.3) * (1.5 if owner else 1), None) for owner in owners]
    assert log_e(requests, owners, 0.25) > math.log(1e4)
    assert log_e(requests, owners, 0.25, margin=1.6) < math.log(10)


def test_a_drift_of_both_arms_blames_nobody() -> None:
    rng = random.Random(5)
    owners = [rng.random() < 0.25 for _ in range(800)]
    requests: list[Request] = [(rng.lognormvariate(3.7, 0.3) * (1 + n / 100), None) for n in range(800)]
    assert log_e(requests, owners, 0.25) < math.log(10)


def test_failed_requests_and_a_thin_window_say_nothing() -> None:
    process = LatencyComparison(settings(), 1.0)
    for n in range(ENOUGH + 5):
        process.observe(seen(candidate=True, milliseconds=1.0 + n, failed=n >= ENOUGH), START)
    assert process.log_e() == pytest.approx(0.0)
    process.observe(seen(candidate=True, milliseconds=900.0), START)
    assert process.log_e() > 0


def test_the_window_is_bounded_in_number_and_age() -> None:
    process = LatencyComparison(settings(), 1.0)
    for n in range(WINDOW + 100):
        process.observe(seen(candidate=False, milliseconds=float(n)), START + n / 100)
    (window,) = process._windows.values()
    assert len(window) == WINDOW
    process.observe(seen(candidate=False, milliseconds=1.0), START + 10_000)
    assert len(window) == 1


def test_resume_is_exact() -> None:
    rng = random.Random(6)
    one = LatencyComparison(settings(), 1.0)
    for n in range(300):
        owner = rng.random() < 0.25
        request = seen(candidate=owner, milliseconds=rng.lognormvariate(3.7, 0.3), session=f"s{n // 5}")
        if n == 150:
            other = LatencyComparison(settings(), 1.0)
            other.load(json.loads(json.dumps(one.dump())))
        for process in (one, other) if n >= 150 else (one,):
            process.observe(request, START + n / 10)
    assert other.log_e() == one.log_e()
    assert other.dump() == one.dump()
