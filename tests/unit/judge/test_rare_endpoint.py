"""A class with 0.5 % of the requests that always fails is found by its own part of the capital."""

from __future__ import annotations

from itertools import islice

import pytest

from benchmarks.race.shop import Behaviour, Shop
from tests.support.judging import START, healthy, judged, settings
from tidegate.judge.fold import Judge
from tidegate.judge.gate import GateRequirement, assess
from tidegate.model.traffic import OTHER

CLASSES = ("checkout", "receipt", "browse")
RARE = Shop(rate=165.0, sessions=200, receipt_part=0.005, candidate=Behaviour(receipt_errors=1.0))


@pytest.mark.parametrize(("weight", "within"), [(2_500, 300), (5_000, 200)])
def test_it_is_found(weight: int, within: float) -> None:
    judge = Judge(settings(endpoints=CLASSES, margin_latency=None))
    seen = islice(RARE.observations(lambda _: {"east": weight}, 1, START), int(165 * within))
    for observation in seen:
        judge.observe(observation)
        if judge.failed:
            return
    pytest.fail(f"not found within {within} s")


def test_requests_of_no_class_are_judged_and_no_gate_waits_for_them() -> None:
    wants = GateRequirement("east", requests=10, per_endpoint=10, not_worse_by=0.9)
    judge = judged(healthy(2_000), endpoints=("checkout", "browse", OTHER))
    document = judge.document(START + 20)
    assert assess(wants, document, START + 20, 5.0).verdict.value == "pass"


def test_a_gate_asks_of_the_classes_that_it_names() -> None:
    judge = judged(healthy(2_000), endpoints=CLASSES)
    document = judge.document(START + 20)
    wants = GateRequirement("east", requests=10, not_worse_by=0.9)
    assert "receipt" in assess(wants, document, START + 20, 5.0).why
    named = GateRequirement("east", requests=10, not_worse_by=0.9, endpoints=("checkout", "browse"))
    assert assess(named, document, START + 20, 5.0).verdict.value == "pass"
