"""A certified release against what users were promised and against the past of the baseline before it."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator

import pytest

from tests.support.judging import START, request, settings
from tidegate.judge.past import Past, upper_bounds
from tidegate.judge.vigil import MARGIN, Vigil
from tidegate.model.observation import Batch, Observation

FULL = {"east": 10_000, "west": 10_000}
BEFORE = {"checkout": (20_000, 2), "browse": (40_000, 4)}


def traffic(count: int, seed: int = 1, **part: float) -> Iterator[Observation]:
    """``part``: class -> part that fails; each request of a session of its own, 100 a second."""
    rng = random.Random(seed)
    for n in range(count):
        endpoint = "checkout" if n % 3 == 0 else "browse"
        status = 500 if rng.random() < part.get(endpoint, 0.0001) else 200
        yield request(n / 100, candidate=True, weight=FULL, endpoint=endpoint, session=f"s{n}", status=status)


def kept(observations: Iterator[Observation], before: dict[str, tuple[int, int]] | None = None, **how: object) -> Vigil:
    vigil = Vigil(settings(availability=0.99, **how), BEFORE if before is None else before, START)
    vigil.observe_all(Batch(tuple(observations), "0", START + 1_000))
    return vigil


@pytest.mark.parametrize("seed", range(3))
def test_a_release_like_the_one_before_is_left_alone(seed: int) -> None:
    assert kept(traffic(30_000, seed)).crossed is None


def test_what_keeps_the_promise_and_is_far_worse_than_the_past_is_found_by_the_past() -> None:
    vigil = kept(traffic(30_000, checkout=0.004))
    assert vigil.crossed is not None
    assert vigil.crossed.why.startswith("history: ")


def test_without_a_past_the_promises_alone_decide() -> None:
    assert kept(traffic(30_000, checkout=0.004), before={}).crossed is None
    broken = kept(traffic(30_000, checkout=0.1, browse=0.1), before={}).crossed
    assert broken is not None
    assert broken.why.startswith("availability: ")


def test_drift_within_the_margin_blames_nobody() -> None:
    assert kept(traffic(30_000, checkout=0.00015, browse=0.00015)).crossed is None


def test_what_was_before_or_is_not_the_release_is_not_judged() -> None:
    early = [request(-5.0 + n / 1000, candidate=True, weight=FULL, status=500, session=f"e{n}") for n in range(500)]
    stable = [request(1.0 + n / 1000, candidate=False, weight={"east": 0}, status=500) for n in range(500)]
    ahead = [request(5_000.0, candidate=True, weight=FULL, status=500, session=f"a{n}") for n in range(500)]
    vigil = kept(iter(early + stable + ahead))
    assert (vigil.requests, vigil.crossed) == (0, None)


def test_resumed_it_goes_on_where_it_stood() -> None:
    observations = list(traffic(4_000, checkout=0.001))
    whole, parts = Vigil(settings(), BEFORE, START), Vigil(settings(), BEFORE, START)
    for n in range(0, len(observations), 500):
        batch = Batch(tuple(observations[n : n + 500]), "0", START + 1_000)
        whole.observe_all(batch)
        parts = Vigil.load(parts.dump())
        parts.observe_all(batch)
    assert json.loads(parts.dump()) == json.loads(whole.dump())
    assert parts.document(START + 41) == whole.document(START + 41)
    with pytest.raises(ValueError, match="version 9, expected 1"):
        Vigil.load(json.dumps({**json.loads(parts.dump()), "version": 9}))


def test_the_past_counts_sessions_until_their_first_failure_and_forgets_after_an_hour() -> None:
    past = Past()
    for n in range(10):
        past.add("checkout", "same", n >= 5, START + n)
    past.add("checkout", None, True, START + 20)
    assert past.totals() == {"checkout": (7, 2)}
    assert Past.load(json.loads(json.dumps(past.dump()))).totals() == past.totals()
    past.add("browse", "other", False, START + 3_700)
    assert past.totals() == {"browse": (1, 0)}


def test_the_bounds_hold_together_and_little_is_no_past() -> None:
    bounds = upper_bounds({"checkout": (10_000, 10), "browse": (10_000, 10), "rare": (99, 0)}, 0.0025)
    assert set(bounds) == {"checkout", "browse"}
    assert 0.001 < bounds["checkout"] < 0.003
    alone = upper_bounds({"checkout": (10_000, 10)}, 0.0025)
    assert alone["checkout"] < bounds["checkout"], "two bounds share what one has alone"
    assert MARGIN == 2.0
