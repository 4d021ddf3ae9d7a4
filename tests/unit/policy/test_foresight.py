"""What lint foretells of a gate agrees with what the judge's gate counts, and with the judge on simulated sessions."""

from __future__ import annotations

import math

import pytest

from tests.support.policies import changed, parsed
from tests.support.sessions import seen_within
from tidegate.judge.bounds import difference
from tidegate.policy.foresight import Stay, _strata, bake_seconds, gate_forecasts
from tidegate.policy.schema import Policy
from tidegate.policy.sight import power, seconds_to_see, smallest_fault


def policy(*changes: tuple[str, str]) -> Policy:
    return parsed(changed(*changes)).policy


def forecasts(*changes: tuple[str, str]):
    found = policy(*changes)
    assert found.traffic
    return gate_forecasts(found, found.traffic)


def needs(index: int, *changes: tuple[str, str]) -> dict[str, float]:
    return dict(forecasts(*changes)[index].needs)


def test_one_gate_per_step_and_region():
    names = [(f.wave, f.region, f.weight) for f in forecasts()]
    assert names == [(w, r, s) for w, r in ((1, "east"), (2, "west")) for s in (500, 5000, 10_000)]


def test_later_steps_are_for_later_waves():
    found = forecasts(("alpha: 1%", "alpha: 1%\n  later_steps: [50%, 100%]"))
    assert [f.weight for f in found if f.wave == 2] == [5000, 10_000]


def test_requests_come_at_the_candidates_part_of_the_regions_part():
    assert needs(0)["100 requests"] == pytest.approx(100 / (200 * 0.6 * 0.05))


def test_requests_of_earlier_steps_in_the_region_count():
    assert needs(1)["500 requests"] == pytest.approx((500 - 100) / (200 * 0.6 * 0.5))


def test_at_full_weight_only_requests_at_full_weight_count():
    assert needs(2)["1000 requests"] == pytest.approx(1000 / (200 * 0.6))


def test_another_regions_requests_do_not_count():
    assert needs(3)["100 requests"] == pytest.approx(100 / (200 * 0.4 * 0.05))


def test_requests_by_class_come_at_the_classes_part():
    asked = needs(0, ("5%: {requests: 100}", "5%: {requests: 1, per_endpoint: 30}"))
    assert asked["30 checkout requests"] == pytest.approx(30 / (200 * 0.6 * 0.05 * 0.2))


def test_sessions_that_live_count_at_once_and_others_as_they_come():
    at_once = 400 * 0.6 * 0.05
    asked = needs(0, ("5%: {requests: 100}", "5%: {requests: 1, sessions: 20}"))
    assert asked["20 sessions"] == pytest.approx((20 - at_once) / (400 / 30 * 0.6 * 0.05))
    assert needs(0, ("5%: {requests: 100}", "5%: {requests: 1, sessions: 12}"))["12 sessions"] == 0


def test_no_gate_opens_before_the_warm_up_is_over():
    assert needs(0, ("alpha: 1%", "alpha: 1%\n  warm_up: 40s"))["the warm-up"] == 40
    assert forecasts(("alpha: 1%", "alpha: 1%\n  warm_up: 40s"))[0].seconds == 40


def test_the_bound_is_the_judges_own():
    found = policy()
    assert found.traffic
    gate = gate_forecasts(found, found.traffic)[1]
    wanted = next(s for name, s in gate.needs if "not worse" in name)
    before = list(gate.history[:-1])

    def upper(seconds: float) -> float:
        stays = [*before, Stay("east", 0.6, 0.5, seconds)]
        bound = difference(_strata(found, found.traffic, "checkout", stays), 0.95)
        return bound.upper if bound else 1.0

    assert upper(wanted) < 0.01 <= upper(wanted * 0.95)


def test_later_regions_build_on_the_bound_of_the_first():
    first, second = needs(1), needs(4)
    name = next(n for n in first if "not worse" in n)
    assert second[name] < first[name] / 4


@pytest.mark.parametrize(
    "change",
    [
        ("mix: {checkout: 20%, browse: 80%}", "mix: {checkout: 0%, browse: 100%}"),
        ("not_worse_by: 1%", "not_worse_by: 0.0001%"),
    ],
)
def test_what_never_comes_is_infinite(change: tuple[str, str]):
    assert math.isinf(forecasts(change)[1].seconds)


def test_a_gate_gives_up_and_the_next_one_counts_from_there():
    found = forecasts(("5%: {requests: 100}", "5%: {requests: 1000000000}"))
    assert found[0].seconds > 1800
    assert found[0].history[-1].seconds == 1800


def test_bake():
    found = policy()
    assert found.traffic
    assert bake_seconds(found, found.traffic) == 60
    longer = policy(("lasts: 1m, requests: 500", "lasts: 1s, requests: 500"))
    assert longer.traffic
    assert bake_seconds(longer, longer.traffic) == 2.5


RUNS = 120


@pytest.mark.parametrize(("weight", "fault"), [(0.05, 0.1), (0.5, 0.02), (0.5, 0.3)])
def test_power_is_that_of_the_judge_on_simulated_sessions(weight: float, fault: float):
    """Never brighter than the judge beyond sampling error, and dark by less than a factor of two in time."""
    found = policy(("alpha: 1%", "alpha: 1%\n  warm_up: 0s"))
    assert found.traffic
    mean = seconds_to_see(found, found.traffic, "checkout", fault, Stay("east", 1.0, weight, 0))
    for factor in (0.5, 1.0, 2.0):
        seconds = mean * factor
        foretold = power(found, found.traffic, "checkout", fault, [Stay("east", 1.0, weight, seconds)])
        hits = sum(seen_within(found, "checkout", fault, weight, seconds, seed) for seed in range(RUNS))
        spread = 3 * math.sqrt(0.25 / RUNS)
        assert foretold <= hits / RUNS + spread, f"at {seconds:.0f} s foretold {foretold:.2f}, seen {hits / RUNS:.2f}"
        later = power(found, found.traffic, "checkout", fault, [Stay("east", 1.0, weight, 2 * seconds)])
        assert later >= hits / RUNS - spread, f"at {2 * seconds:.0f} s foretold {later:.2f}, seen {hits / RUNS:.2f}"


def test_without_a_fault_power_stays_below_the_false_alarm_rate():
    found = policy()
    assert found.traffic
    assert power(found, found.traffic, "checkout", 0.0, [Stay("east", 1.0, 0.5, 36_000)]) < 0.01


def test_the_smallest_fault_shrinks_with_time_and_is_none_without():
    found = policy()
    assert found.traffic
    short, long = (
        smallest_fault(found, found.traffic, "checkout", [Stay("east", 1.0, 0.5, seconds)]) for seconds in (20, 600)
    )
    assert short
    assert long
    assert long < short / 3
    assert smallest_fault(found, found.traffic, "checkout", []) is None
    assert smallest_fault(found, found.traffic, "checkout", [Stay("east", 1.0, 1.0, 600)]) is None


def test_a_margin_makes_small_faults_harder_to_see():
    small, large = policy(), policy(("errors: {margin: 1.5x}", "errors: {margin: 5x}"))
    assert small.traffic
    stay = Stay("east", 1.0, 0.5, 0)
    assert seconds_to_see(small, small.traffic, "checkout", 0.01, stay) < seconds_to_see(
        large, small.traffic, "checkout", 0.01, stay
    )
