"""What a session brings: a release that answers 200 and sells less is seen, one that sells as much is not."""

from __future__ import annotations

import json
from itertools import islice

import pytest

from benchmarks.race.shop import Behaviour, Shop
from tests.support.judging import START, judged, request, settings
from tidegate.judge.business import BusinessComparison
from tidegate.judge.fold import Judge
from tidegate.judge.seen import see
from tidegate.judge.settings import BusinessRate, JudgeSettings
from tidegate.model.observation import Observation

ORDERS = BusinessRate("orders per session", "checkout", 0.9, within=15.0)
HALF = {"east": 5_000}


def traffic(count: int, seed: int, weight: dict[str, int] = HALF, **how: Behaviour) -> list[Observation]:
    return list(islice(Shop(**how).observations(lambda _: weight, seed, START), count))


@pytest.mark.parametrize("seed", range(3))
def test_a_release_that_sells_half_is_found_though_nothing_fails(seed: int) -> None:
    judge = judged(iter(traffic(130 * 120, seed, candidate=Behaviour(put_off=0.7))), business=ORDERS)
    document = judge.document(START + 120)
    assert [c["signal"] for c in document["crossed"]] == ["business"]
    figures = document["signals"]["business"]["figures"]
    assert figures["candidate_per_session"] < 0.5 * figures["stable_per_session"]


@pytest.mark.parametrize("seed", range(3))
def test_a_release_that_sells_as_much_is_not_blamed(seed: int) -> None:
    assert not judged(iter(traffic(130 * 120, seed)), business=ORDERS).failed


def test_a_quiet_hour_of_both_arms_blames_nobody() -> None:
    quiet = Behaviour(put_off=0.9)
    assert not judged(iter(traffic(130 * 120, 5, stable=quiet, candidate=quiet)), business=ORDERS).failed


def test_the_margin_allows_a_little_less() -> None:
    """Ten per cent fewer orders keep a margin of 0.8: the mean factor is below 1, and E stays small."""
    allowed = BusinessRate("orders per session", "checkout", 0.8, within=15.0)
    judge = judged(iter(traffic(130 * 180, 3, candidate=Behaviour(put_off=0.1))), business=allowed)
    assert judge.document(START + 180)["signals"]["business"]["log10_e"] < 1


def fed(comparison: BusinessComparison, config: JudgeSettings, observations: list[Observation]) -> None:
    for observation in observations:
        assert observation.arm is not None
        seen = see(observation, observation.arm, config)
        comparison.observe(seen, seen.ended)


def test_a_session_counts_when_its_time_is_over_whether_it_came_back_or_not() -> None:
    config = settings(business=ORDERS)
    comparison = BusinessComparison(config, ORDERS)
    fed(comparison, config, [request(0.0, session="gone"), request(1.0, session="stays", endpoint="browse")])
    fed(comparison, config, [request(14.0, session="stays"), request(14.5, session="later", endpoint="browse")])
    assert comparison.figures()["stable_sessions"] == 0
    fed(comparison, config, [request(20.0, session="late", endpoint="browse")])
    assert comparison.figures() == {
        "candidate_sessions": 0, "candidate_per_session": 0.0, "stable_sessions": 2, "stable_per_session": 1.0,
    }  # fmt: skip
    fed(comparison, config, [request(40.0, session="stays"), request(80.0, session="other")])
    assert comparison.figures()["stable_sessions"] == 4, "a session that has had its say has no other"


def test_failed_orders_bring_nothing() -> None:
    config = settings(business=ORDERS)
    comparison = BusinessComparison(config, ORDERS)
    fed(comparison, config, [request(0.0, session="s", status=500), request(1.0, session="s", status=409)])
    fed(comparison, config, [request(30.0, session="t")])
    assert comparison.figures()["stable_per_session"] == 0.0


def test_a_change_of_weight_begins_every_open_count_anew() -> None:
    """The coin of a count is the weight at which it began; who does not come back under the new one has none."""
    config = settings(business=ORDERS)
    comparison = BusinessComparison(config, ORDERS)
    old, new = {"east": 500}, {"east": 5_000}
    fed(comparison, config, [request(0.0, session="moves", weight=old), request(0.1, session="gone", weight=old)])
    fed(comparison, config, [request(5.0, session="moves", weight=new, candidate=True, endpoint="browse")])
    fed(comparison, config, [request(4.0, session="moves", weight=old)])  # a late line of before
    fed(comparison, config, [request(30.0, session="x", weight=new)])
    assert comparison.figures() == {
        "candidate_sessions": 1, "candidate_per_session": 0.0, "stable_sessions": 0, "stable_per_session": 0.0,
    }  # fmt: skip


def test_resumed_it_is_the_same() -> None:
    observations = traffic(130 * 40, 2, candidate=Behaviour(put_off=0.3))
    whole, judge = Judge(settings(business=ORDERS)), Judge(settings(business=ORDERS))
    for n, observation in enumerate(observations):
        judge = Judge.load(judge.dump()) if n % 1500 == 700 else judge
        whole.observe(observation)
        judge.observe(observation)
    assert json.loads(whole.dump()) == json.loads(judge.dump())


def test_the_class_must_be_judged() -> None:
    with pytest.raises(ValueError, match=r"business\.endpoint 'carts' is not judged"):
        settings(business=BusinessRate("x", "carts", 0.9))
