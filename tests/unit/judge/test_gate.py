from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.support.judging import START, healthy, judged, request
from tidegate.judge.gate import BakeRequirement, GateRequirement, assess, assess_bake
from tidegate.model.verdict import Evidence, SignalReading, Verdict

STALE = 5.0
NOW = START + 20.5
FULL = {"east": 10_000, "west": 10_000}
Document = dict[str, Any]


def evidence(count: int = 2_000, *, begin: float = 0.0, now: float = NOW) -> Document:
    """``count`` good requests in east over 20 s, a quarter of them the candidate's."""
    return judged(healthy(count, begin=begin, per_second=count / 20)).document(now)


def asks(**changes: Any) -> GateRequirement:
    return GateRequirement(**{"region": "east", "requests": 100, "not_worse_by": 0.05, **changes})


def reading(found: Evidence, signal: str) -> SignalReading:
    return next(r for r in found.readings if r.signal == signal)


def test_enough_good_evidence_opens_the_gate() -> None:
    found = assess(asks(sessions=100, per_endpoint=100), evidence(), NOW, STALE)
    assert found.verdict is Verdict.PASS, found.why
    assert found.observed_at is not None and NOW - found.observed_at < STALE
    assert all(not r.missing for r in found.readings)


def put(path: str, value: Any) -> Callable[[Document], None]:
    """Set what stands at ``a.b.c``; an index into a list is written as a number."""

    def change(document: Document) -> None:
        *parents, last = path.split(".")
        place: Any = document
        for key in parents:
            place = place[int(key)] if isinstance(place, list) else place[key]
        place[int(last) if isinstance(place, list) else last] = value

    return change


def drop(path: str) -> Callable[[Document], None]:
    def change(document: Document) -> None:
        *parents, last = path.split(".")
        place: Any = document
        for key in parents:
            place = place[key]
        del place[last]

    return change


CANDIDATE, STABLE = "regions.east.candidate", "regions.east.stable"

MALFORMED: dict[str, Callable[[Document], None]] = {
    "nan time": put("observed_at", float("nan")),
    "infinite time": put("observed_at", float("inf")),
    "text for a time": put("observed_at", "1700000000"),
    "bool for a time": put("observed_at", True),
    "no time": put("observed_at", None),
    "time missing": drop("observed_at"),
    "observed in the future": put("observed_at", NOW + 3600),
    "written in the future": put("written_at", NOW + 3600),
    "written long ago": put("written_at", NOW - 60),
    "observed long ago": put("observed_at", NOW - 60),
    "negative time": put("written_at", -1.0),
    "another version": put("version", 1),
    "text for the version": put("version", "1"),
    "no verdict": drop("verdict"),
    "unknown verdict": put("verdict", "fine"),
    "pass for a verdict of nothing": put("verdict", None),
    "fail without a signal": put("verdict", "fail"),
    "signals missing": drop("signals"),
    "no signals": put("signals", {}),
    "signals as a list": put("signals", []),
    "nan evidence": put("signals.errors.log10_e", float("nan")),
    "text for evidence": put("signals.errors.log10_e", "-1"),
    "alpha of one": put("signals.errors.alpha", 1.0),
    "no alpha": drop("signals.errors.alpha"),
    "crossed, yet not failed": put("signals.errors.crossed_at", NOW - 1),
    "no error comparison": drop("signals.errors"),
    "regions missing": drop("regions"),
    "region missing": drop("regions.east"),
    "region is null": put("regions.east", None),
    "weight above one": put("regions.east.weight", 1.5),
    "negative requests": put(f"{CANDIDATE}.requests", -1),
    "nan requests": put(f"{CANDIDATE}.requests", float("nan")),
    "float for requests": put(f"{CANDIDATE}.requests", 500.0),
    "bool for requests": put(f"{CANDIDATE}.requests", True),
    "text for requests": put(f"{CANDIDATE}.requests", "500"),
    "infinite requests": put(f"{CANDIDATE}.requests", float("inf")),
    "more requests than the classes have": put(f"{CANDIDATE}.requests", 100_000),
    "more errors than requests": put(f"{CANDIDATE}.errors", 100_000),
    "negative errors": put(f"{CANDIDATE}.endpoints.checkout.errors", -1),
    "null sessions": put(f"{CANDIDATE}.sessions", None),
    "seen after the newest": put(f"{CANDIDATE}.last_at", NOW + 1),
    "last before first": put(f"{CANDIDATE}.last_at", START - 10),
    "never seen, yet counted": put(f"{STABLE}.first_at", None),
    "no stable arm": drop(STABLE),
    "endpoints missing": drop("endpoints"),
    "no endpoints": put("endpoints", []),
    "an endpoint that is a number": put("endpoints", [1]),
    "nothing compared": put("compared", []),
    "comparison missing": drop("compared"),
    "comparison is an object": put("compared", {}),
    "compared more errors than requests": put("compared.0.candidate.errors", 10**9),
    "compared null": put("compared.0.candidate", None),
    "comparison of another region": lambda d: [row.update(region="west") for row in d["compared"]] and None,
    "the log is not understood": put("malformed", 10_000),
    "a log from the future": put("future", 10_000),
    "negative malformed": put("malformed", -1),
    "nan rate": put(f"{CANDIDATE}.endpoints.checkout.per_second", float("nan")),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_no_malformed_evidence_passes(name: str) -> None:
    document = copy.deepcopy(evidence())
    MALFORMED[name](document)
    found = assess(asks(), document, NOW, STALE)
    assert found.verdict is Verdict.NO_DATA, f"{name}: {found}"
    assert found.why


@pytest.mark.parametrize("document", [None, {}, [], "fine", 1, True, float("nan"), {"verdict": "pass"}], ids=repr)
def test_no_document_is_no_data(document: object) -> None:
    for found in (assess(asks(), document, NOW, STALE), assess_bake(BakeRequirement(0, 0), document, NOW, STALE)):
        assert found.verdict is Verdict.NO_DATA


@pytest.mark.parametrize("now", [float("nan"), float("inf")])
def test_a_clock_that_is_no_clock_is_no_data(now: float) -> None:
    assert assess(asks(), evidence(), now, STALE).verdict is Verdict.NO_DATA


def test_counts_that_went_backwards_are_no_data() -> None:
    newer, older = evidence(count=1_000), evidence(count=2_000)
    assert assess(asks(), newer, NOW, STALE).verdict is Verdict.PASS
    found = assess(asks(), newer, NOW, STALE, before=older)
    assert found.verdict is Verdict.NO_DATA and "backwards" in found.why
    assert assess(asks(), older, NOW, STALE, before=newer).verdict is Verdict.PASS


@pytest.mark.parametrize("silent", ["candidate", "stable"])
def test_an_arm_without_requests_is_no_data(silent: str) -> None:
    requests = [o for o in healthy(2_000) if o.arm is not None and (o.arm.slot == "a") == (silent == "candidate")]
    found = assess(asks(), judged(iter(requests)).document(NOW), NOW, STALE)
    assert found.verdict is Verdict.NO_DATA
    assert reading(found, f"{silent} traffic").verdict is Verdict.NO_DATA


@pytest.mark.parametrize("silent", ["candidate", "stable"])
def test_an_arm_that_fell_silent_is_no_data(silent: str) -> None:
    def speaks(n: int, arm: str) -> bool:
        return n < 1_000 or (arm == "a") == (silent == "candidate")

    requests = [o for n, o in enumerate(healthy(2_000)) if o.arm is not None and speaks(n, o.arm.slot)]
    found = assess(asks(), judged(iter(requests)).document(NOW), NOW, STALE)
    assert found.verdict is Verdict.NO_DATA
    assert "no request for" in reading(found, f"{silent} traffic").why


def test_the_warm_up_alone_is_no_evidence() -> None:
    document = judged(healthy(2_000), warm_up=60.0).document(NOW)
    found = assess(asks(not_worse_by=None), document, NOW, STALE)
    assert found.verdict is Verdict.NO_DATA
    assert "warming up" in found.why


def test_what_is_missing_is_said_with_the_time_it_takes() -> None:
    found = assess(asks(requests=800, sessions=900, per_endpoint=370), evidence(), NOW, STALE)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert reading(found, "requests").missing == "300 more candidate requests in east, about 12 s"
    assert reading(found, "requests checkout").missing == "120 more candidate checkout requests, about 10 s"
    assert reading(found, "sessions").missing == "400 more candidate sessions in east"


def test_not_worse_by_one_point_takes_about_three_hundred_of_each_class() -> None:
    few, enough = evidence(count=2_000), evidence(count=2_500)  # 250 and 312 of each class
    found = assess(asks(not_worse_by=0.01), few, NOW, STALE)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert reading(found, "not worse checkout").missing.startswith("49 more candidate checkout requests, about 4 s")
    assert assess(asks(not_worse_by=0.01), enough, NOW, STALE).verdict is Verdict.PASS


def test_a_candidate_that_is_worse_does_not_get_through_by_waiting() -> None:
    requests = [
        replace(o, status=500) if o.arm is not None and o.arm.slot == "b" and n % 100 == 0 else o
        for n, o in enumerate(healthy(4_000, per_second=200))
    ]
    document = judged(iter(requests), margin_errors=900.0).document(NOW)
    assert document["verdict"] == "inconclusive", "the margin keeps the signal quiet; the bound must hold alone"
    found = assess(asks(not_worse_by=0.01), document, NOW, STALE)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert reading(found, "not worse browse").missing == "a lower error rate of the candidate"


def failed() -> Document:
    bad = [replace(o, status=500) for o in healthy(200, begin=19.0) if o.arm is not None and o.arm.slot == "b"]
    return judged(iter([*healthy(1_900), *bad])).document(NOW)


def test_a_signal_that_crossed_fails_every_gate_also_when_stale() -> None:
    document = failed()
    for now in (NOW, NOW + 100):
        for found in (
            assess(asks(), document, now, STALE),
            assess(asks(region="west"), document, now, STALE),
            assess_bake(BakeRequirement(0, 0), document, now, STALE),
        ):
            assert found.verdict is Verdict.FAIL
            assert "errors: E = 10^" in found.why


def second_wave() -> Document:
    """East has had its wave and is the candidate's; west shows a hundred requests so far."""
    later = [
        request(
            20 + n / 20, region="west", candidate=n % 4 == 0, weight={"east": 10_000, "west": 2_500}, session=f"w{n}"
        )
        for n in range(100)
    ]
    return judged(iter([*healthy(4_000, per_second=200), *later])).document(NOW + 5)


def test_the_first_waves_evidence_counts_but_each_region_shows_its_own_exposure() -> None:
    document = second_wave()
    opened = assess(asks(region="west", requests=25, not_worse_by=0.01), document, NOW + 5, STALE)
    assert opened.verdict is Verdict.PASS, opened.why
    held = assess(asks(region="west", requests=100, not_worse_by=0.01), document, NOW + 5, STALE)
    assert held.verdict is Verdict.INCONCLUSIVE
    assert reading(held, "requests").figures["have"] == 25


def full(count: int = 400, **how: Any) -> Document:
    requests = (
        request(n / 20, candidate=True, region="east" if n % 2 else "west", weight=FULL, session=f"f{n}", **how)
        for n in range(count)
    )
    return judged(requests).document(NOW)


def test_at_full_weight_the_candidates_own_requests_there_are_asked_for() -> None:
    wants = asks(full_weight=True, requests=150, not_worse_by=None)
    assert assess(wants, full(), NOW, STALE).verdict is Verdict.PASS
    before = assess(wants, evidence(), NOW, STALE)
    assert before.verdict is Verdict.INCONCLUSIVE, "500 requests at 25 % say nothing about full weight"
    assert reading(before, "requests").figures["have"] == 0
    broken = full()
    del broken["signals"]["availability"]
    assert assess(wants, broken, NOW, STALE).verdict is Verdict.NO_DATA


def test_the_bake_wants_time_and_requests_at_full_weight_everywhere() -> None:
    document = full()
    assert assess_bake(BakeRequirement(10, 300), document, NOW, STALE).verdict is Verdict.PASS
    short = assess_bake(BakeRequirement(60, 300), document, NOW, STALE)
    assert reading(short, "seconds").missing == "41 more seconds at full weight everywhere, about 41 s"
    few = assess_bake(BakeRequirement(10, 1_000), document, NOW, STALE)
    assert reading(few, "requests").missing.startswith("600 more candidate requests at full weight everywhere, about")
    later = assess_bake(BakeRequirement(10, 300, since=NOW - 5), document, NOW, STALE)
    assert later.verdict is Verdict.INCONCLUSIVE, "what came before the bake began is not the bake"
    assert assess_bake(BakeRequirement(10, 300), evidence(), NOW, STALE).verdict is not Verdict.PASS


def test_the_bake_fails_on_a_broken_objective() -> None:
    found = assess_bake(BakeRequirement(1, 1), full(ms=3_000.0), NOW + 3, STALE)
    assert found.verdict is Verdict.FAIL
    assert reading(found, "latency_p99").verdict is Verdict.FAIL


def test_a_signal_on_its_way_to_its_threshold_keeps_the_gate_shut() -> None:
    document = copy.deepcopy(evidence())
    assert assess(asks(), document, NOW, STALE).verdict is Verdict.PASS
    put("signals.latency.log10_e", 1.4)(document)
    put("signals.latency.peak_log10_e", 1.4)(document)
    held = assess(asks(), document, NOW, STALE)
    assert held.verdict is Verdict.INCONCLUSIVE
    assert "to cross" in reading(held, "latency").missing
    put("signals.latency.log10_e", 0.9)(document)
    assert assess(asks(), document, NOW, STALE).verdict is Verdict.PASS, "it fell back"


def test_at_full_weight_a_suspicion_that_cannot_fall_again_does_not_hold() -> None:
    wants = asks(full_weight=True, requests=150, not_worse_by=None)
    document = copy.deepcopy(full())
    opened = assess(wants, document, NOW, STALE)
    put("signals.errors.log10_e", 1.4)(document)
    put("signals.errors.peak_log10_e", 1.4)(document)
    assert assess(wants, document, NOW, STALE).verdict is opened.verdict is Verdict.PASS
