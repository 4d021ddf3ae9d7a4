"""Both arms together against the objective: what both share is seen, nobody is blamed, and the candidate's own faults
are left to the comparison."""

from __future__ import annotations

import json
from itertools import islice

import pytest

from benchmarks.race.shop import Behaviour, Shop
from tests.support.judging import START, judged, settings
from tidegate.judge.document import read
from tidegate.judge.fold import Judge
from tidegate.judge.gate import GateRequirement, assess
from tidegate.judge.settings import ServiceObjective
from tidegate.model.observation import Observation
from tidegate.model.verdict import Verdict

BACK, HOLD = ServiceObjective(), ServiceObjective(then="hold")
BROKEN = Behaviour(checkout_errors=0.2, browse_errors=0.2)


def traffic(count: int, seed: int = 1, **how: Behaviour) -> list[Observation]:
    return list(islice(Shop(**how).observations(lambda _: {"east": 2_500}, seed, START), count))


@pytest.mark.parametrize("seed", range(4))
def test_what_both_arms_share_is_seen_and_nobody_is_blamed(seed: int) -> None:
    judge = judged(iter(traffic(1_500, seed, stable=BROKEN, candidate=BROKEN)), service=BACK)
    document = judge.document(START + 10)
    assert [c["signal"] for c in document["crossed"]] == ["service"]
    assert document["why"].startswith("service: ")
    assert "NOT PROVED" in document["why"]
    assert "not blamed" in document["why"]


def test_the_other_region_counts_too() -> None:
    """Where the candidate has no weight yet, its users share the database all the same."""
    shared = traffic(3_000, stable=BROKEN, candidate=BROKEN)
    first = next(o.at for o in shared if o.arm is not None and o.arm.slot.value == "b")
    west = [o for o in shared if o.arm is not None and (o.arm.region == "west" or o.at == first)]
    assert judged(iter(west), service=BACK).failed


@pytest.mark.parametrize("seed", range(4))
def test_a_fault_of_the_candidates_own_is_left_to_the_comparison(seed: int) -> None:
    judge = judged(iter(traffic(4_000, seed, candidate=Behaviour(checkout_errors=1.0))), service=BACK)
    assert [c["signal"] for c in judge.document(START + 30)["crossed"]] == ["errors"]


def test_without_the_key_nothing_is_judged_of_it() -> None:
    judge = judged(iter(traffic(1_500, stable=BROKEN, candidate=BROKEN)))
    assert not judge.failed
    assert "service" not in judge.document(START + 10)["signals"]


def test_before_the_candidate_has_had_a_request_nothing_is_in_flight() -> None:
    stable = [o for o in traffic(3_000, stable=BROKEN) if o.arm is not None and o.arm.slot.value == "a"]
    assert not judged(iter(stable), service=BACK).failed


def test_a_margin_lets_the_budget_burn_faster() -> None:
    worse = Behaviour(checkout_errors=0.003, browse_errors=0.003)
    shared = traffic(20_000, stable=worse, candidate=worse)
    assert judged(iter(shared), service=BACK).failed
    assert not judged(iter(shared), service=ServiceObjective(margin=5.0)).failed


def test_hold_is_a_question_and_no_verdict_and_keeps_the_gate_shut() -> None:
    observations = traffic(1_500, stable=BROKEN, candidate=BROKEN)
    judge = judged(iter(observations), service=HOLD)
    now = observations[-1].at + 0.5
    document = judge.document(now)
    assert not judge.failed
    assert (document["verdict"], document["crossed"]) == ("inconclusive", [])
    (asked,) = read(document).asks
    assert "NOT PROVED" in asked
    evidence = assess(GateRequirement("east", requests=1), document, now, 5.0)
    assert evidence.verdict is Verdict.INCONCLUSIVE
    assert "service is suspicious" in evidence.why
    resumed = Judge.load(judge.dump())
    assert resumed.document(now) == document


def test_resumed_it_is_the_same() -> None:
    observations = traffic(600, stable=Behaviour(checkout_errors=0.05), candidate=Behaviour(checkout_errors=0.05))
    whole, judge = Judge(settings(service=BACK)), Judge(settings(service=BACK))
    for n, observation in enumerate(observations):
        judge = Judge.load(judge.dump()) if n % 150 == 75 else judge
        whole.observe(observation)
        judge.observe(observation)
    assert json.loads(whole.dump()) == json.loads(judge.dump())
