from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from benchmarks.race.shop import Behaviour, Shop
from tests.support.judging import START, healthy, judged, request, settings
from tidegate.judge.document import read
from tidegate.judge.fold import Judge
from tidegate.judge.settings import StartPoints
from tidegate.model.canonical import canonical
from tidegate.model.observation import Batch, Observation
from tidegate.model.traffic import canary_split


def shop(count: int, seed: int = 1, weight: int = 2_500, **how: Behaviour) -> list[Observation]:
    return list(islice(Shop(**how).observations(lambda _: {"east": weight}, seed, START), count))


def failing(count: int, *, candidate: bool, begin: float = 0.0, **how: Any) -> Iterator[Observation]:
    """One good stable request where there is a stable arm, then ``count`` failed ones."""
    if how.get("weight") != FULL:
        yield request(begin, **how)
    for n in range(count):
        yield request(begin + n / 100, candidate=candidate, session=f"f{begin}-{n}", status=500, **how)


MIXED = shop(600, candidate=Behaviour(checkout_errors=0.05), stable=Behaviour(checkout_errors=0.01))


@effort(max_examples=12, deadline=None)
@given(st.lists(st.integers(0, len(MIXED)), max_size=3).map(sorted))
def test_resumed_from_any_checkpoint_the_document_is_the_same(cuts: list[int]) -> None:
    """A replaced guard goes on exactly where the old one stood; ticks and documents in between change nothing."""
    whole = Judge(settings(starts=StartPoints(every=1, steady=3, last=60)))
    judge = Judge(whole.settings)
    for n, observation in enumerate(MIXED):
        for _ in range(cuts.count(n)):
            judge.tick(observation.at)
            judge.document(observation.at)
            judge = Judge.load(judge.dump())
        whole.observe(observation)
        judge.observe(observation)
    now = MIXED[-1].at + 1
    assert canonical(judge.document(now)) == canonical(whole.document(now))
    assert judge.dump() == whole.dump()


def test_the_document_is_json_and_reads_back() -> None:
    judge = judged(iter(MIXED))
    document = json.loads(canonical(judge.document(MIXED[-1].at)))
    seen = read(document)
    assert seen.requests == len(MIXED)
    assert sum(r.candidate.errors + r.stable.errors for r in seen.regions.values()) == sum(
        o.status == 500 for o in MIXED
    )
    assert set(seen.signals) == {"errors", "latency", "availability", "latency_p99"}


def test_a_checkpoint_of_another_version_is_refused() -> None:
    state = json.loads(Judge(settings()).dump())
    with pytest.raises(ValueError, match="version 0, expected 2"):
        Judge.load(json.dumps({**state, "version": 0}))


def test_errors_of_the_candidate_fail_it_and_the_verdict_stays() -> None:
    judge, bad = Judge(settings()), failing(20, candidate=True)
    while not judge.failed:
        judge.observe(next(bad))
    crossed = judge.document(START + 1)["crossed"]
    assert [c["signal"] for c in crossed] == ["errors"]
    assert START <= crossed[0]["at"] <= START + 1
    for observation in bad:
        judge.observe(observation)
    assert judge.document(START + 1)["crossed"] == crossed, "the first crossing is kept, whatever comes"
    for observation in healthy(2_000, begin=1.0):
        judge.observe(observation)
    for observation in failing(500, candidate=False, begin=30.0):
        judge.observe(observation)
    document = judge.document(START + 36)
    assert document["signals"]["errors"]["log10_e"] < 0, "the evidence itself has gone"
    assert (document["verdict"], judge.failed) == ("fail", True)
    assert Judge.load(judge.dump()).document(START + 36)["verdict"] == "fail"
    assert "errors: E = 10^" in document["why"]


def test_one_request_short_of_the_threshold_is_not_a_fail() -> None:
    judge, count = Judge(settings(margin_latency=None)), 0
    for count, observation in enumerate(failing(50, candidate=True), start=1):  # noqa: B007
        judge.observe(observation)
        if judge.failed:
            break
    before = judged(failing(count - 2, candidate=True), margin_latency=None)
    assert not before.failed
    assert before.document(START)["signals"]["errors"]["crossed_at"] is None


@pytest.mark.parametrize("seed", range(4))
def test_a_fault_of_both_arms_does_not_blame_the_candidate(seed: int) -> None:
    """Calm, then 20 % errors and everything twice as slow on both arms."""

    def slow(rng: random.Random) -> float:
        return rng.lognormvariate(4.4, 0.5)

    bad = Behaviour(checkout_errors=0.2, browse_errors=0.2, latency=slow)
    storm = [replace(o, at=o.at + 20) for o in shop(3_000, seed=seed + 50, stable=bad, candidate=bad)]
    judge = judged(iter(shop(2_000, seed=seed) + storm))
    assert judge.document(storm[-1].at + 1)["verdict"] == "inconclusive"


def test_a_sessions_storm_of_errors_is_one_unit() -> None:
    angry = [request(n / 50, candidate=True, session="angry", status=500) for n in range(200)]
    judge = judged(iter([request(), *angry]))
    assert judge.document(START + 4)["verdict"] == "inconclusive"
    assert judge.document(START + 4)["signals"]["errors"]["figures"]["candidate_units"] == 1


def test_warm_up_is_counted_and_not_judged() -> None:
    judge = judged(failing(200, candidate=True), warm_up=2.0)
    document = judge.document(START + 2)
    assert not judge.failed
    assert document["regions"]["east"]["candidate"]["errors"] == 200
    assert document["compared"] == []
    for observation in failing(12, candidate=True, begin=2.0):
        judge.observe(observation)
    assert judge.failed


def test_warm_up_runs_by_region() -> None:
    both = {"east": 2_500, "west": 2_500}
    judge = judged(failing(1, candidate=True, weight=both), warm_up=2.0)
    for observation in failing(50, candidate=True, begin=10.0, region="west", weight=both):
        judge.observe(observation)
    assert not judge.failed


def test_a_class_that_is_not_judged_is_counted_only() -> None:
    judge = judged(failing(100, candidate=True, endpoint="other"))
    assert not judge.failed
    assert judge.document(START + 1)["regions"]["east"]["candidate"]["endpoints"]["other"]["errors"] == 100


def test_where_one_arm_takes_all_nothing_is_compared() -> None:
    judge = judged(failing(100, candidate=False, weight={}))
    assert judge.document(START + 1)["compared"] == []
    assert not judge.failed


FULL = {"east": 10_000, "west": 10_000}


def test_at_full_weight_the_objectives_decide() -> None:
    judge = judged(failing(6, candidate=True, weight=FULL))
    crossed = judge.document(START + 1)["crossed"]
    assert crossed[0]["signal"] == "availability"
    slow = judged(
        request(n / 100, candidate=True, session=f"s{n}", ms=2_500.0, weight=FULL) for n in range(12)
    ).document(START + 3)
    assert [c["signal"] for c in slow["crossed"]] == ["latency_p99"]


def test_full_weight_is_timed_from_its_first_request_and_late_lines_do_not_undo_it() -> None:
    before, late = list(healthy(40)), request(0.39, candidate=False, session="late", ms=30_000.0)
    judge = judged(iter(before))
    assert judge.document(START + 1)["all_full"] is None
    for n in range(30):
        judge.observe(request(1 + n / 10, candidate=True, region="east" if n % 2 else "west", weight=FULL))
    judge.observe(late)
    document = judge.document(START + 31)
    assert document["all_full"] == {"since": START + 1, "requests": 30}
    assert document["regions"]["east"]["full"]["requests"] == 15
    judge.observe(request(40, weight={"east": 5_000}))
    assert judge.document(START + 41)["all_full"] is None


def malformed(**changes: Any) -> Observation:
    return replace(request(), **changes)


WEST_ONLY = canary_split({"east": 0, "west": 10_000}, request().arm.slot, {})  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "observation",
    [
        malformed(at=float("nan")),
        malformed(at=float("inf")),
        malformed(at=-1.0),
        malformed(at="now"),
        malformed(at=True),
        malformed(at=None),
        malformed(milliseconds=float("nan")),
        malformed(milliseconds=float("-inf")),
        malformed(milliseconds=-0.5),
        malformed(milliseconds="12"),
        malformed(status=99),
        malformed(status=600),
        malformed(status=True),
        malformed(status="200"),
        malformed(status=200.0),
        malformed(status=None),
        malformed(endpoint=7),
        malformed(session=7),
        request(region="north"),
        request(candidate=True, weight={}),
        malformed(split=WEST_ONLY),
    ],
    ids=lambda o: f"{o.at}-{o.status}-{o.milliseconds}-{o.endpoint}-{o.session}-{o.arm}",
)
def test_an_observation_that_makes_no_sense_is_counted_and_never_folded(observation: Observation) -> None:
    judge = judged(iter([observation]))
    document = judge.document(START + 1)
    assert (document["malformed"], document["observed_at"]) == (1, None)
    assert document["sample"]
    assert document["verdict"] == "no_data"


def test_what_no_arm_answered_is_counted_apart() -> None:
    judge = judged(iter([malformed(arm=None, status=503)]))
    assert judge.document(START)["unrouted"] == 1


def test_requests_from_the_future_are_not_folded() -> None:
    judge = Judge(settings())
    batch = Batch((request(0.0), request(30.0)), cursor="", read_at=START + 1, malformed=2, sample="?")
    judge.observe_all(batch)
    document = judge.document(START + 1)
    assert (document["future"], document["malformed"]) == (1, 2)
    assert document["observed_at"] == pytest.approx(START + 0.04, abs=1e-3)


def test_no_answer_at_all_is_a_failure() -> None:
    silent = [request(n / 10, candidate=True, session=f"s{n}", status=0) for n in range(12)]
    assert judged(iter([request(), *silent])).failed


def test_without_a_stable_arm_that_speaks_nobody_is_blamed() -> None:
    """Its traffic is not sent back to the dead."""
    assert not judged(islice(failing(100, candidate=True), 1, None)).failed
    late = judged(iter([*healthy(100), *failing(100, candidate=True, begin=20.0)][:100]))
    for observation in islice(failing(100, candidate=True, begin=20.0), 1, None):
        late.observe(observation)
    assert not late.failed
    late.observe(request(22.0))
    for observation in failing(12, candidate=True, begin=22.1):
        late.observe(observation)
    assert late.failed


def test_silence_makes_the_document_blind_again() -> None:
    judge = judged(healthy(100))
    assert judge.document(START + 2)["verdict"] == "inconclusive"
    assert judge.document(START + 60)["verdict"] == "no_data"
    assert judge.document(START - 60)["verdict"] == "no_data"


def test_late_lines_do_not_turn_back_time() -> None:
    judge = judged(healthy(100))
    judge.observe(request(-30.0, candidate=True))
    assert judge.document(START + 2)["observed_at"] == pytest.approx(START + 1.03, abs=1e-3)


def test_a_burn_is_reported_by_arm() -> None:
    judge = judged(iter([*healthy(100), *failing(50, candidate=True, begin=1.0)]))
    east = judge.document(START + 2)["regions"]["east"]
    assert east["candidate"]["burn"]["at_least"] > 100
    assert east["stable"]["burn"]["rate"] == 0
    assert judge.document(START + 60)["regions"]["east"]["candidate"]["burn"]["rate"] is None
