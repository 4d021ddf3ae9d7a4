"""The rules of the error budget's burn: windows, statistics, and what is kept of the counts."""

from __future__ import annotations

import json

import pytest

from tidegate.judge.burn import (
    DAY,
    HOUR,
    LEAST,
    PERIOD,
    WHOLE,
    State,
    began_with,
    budgets_of,
    enough,
    everything,
    is_well,
    rules_for,
    state_of,
    without,
)
from tidegate.judge.counted import Counted, Rings, most

FAST, SLOW, A_DAY, DAYS = RULES = rules_for(PERIOD)
BUDGET = 0.001
NOW = 1_800_000_000.0


def test_with_thirty_days_the_rules_are_the_workbook_s() -> None:
    told = [(rule.rate, rule.long, rule.short, rule.urgent) for rule in RULES]
    assert told == [
        (14.4, HOUR, 300.0, True),
        (6.0, 6 * HOUR, 1800.0, True),
        (3.0, DAY, 2 * HOUR, False),
        (1.0, 3 * DAY, 6 * HOUR, False),
    ]


def test_each_rule_spends_its_part_of_the_budget_whatever_the_period() -> None:
    for period in (PERIOD, 43_200.0):
        spent = [rule.rate * rule.long / period for rule in rules_for(period)]
        assert spent == pytest.approx([0.02, 0.05, 0.1, 0.1])


def counted(requests: int, bad: int, seen: float = HOUR) -> Counted:
    return Counted(requests, bad, seen)


BAD, GOOD = counted(10_000, 300), counted(10_000, 100)


@pytest.mark.parametrize(
    "long, short, expected",
    [
        (BAD, counted(800, 30), State.BURNS),
        (BAD, counted(800, 5), State.WELL),
        (GOOD, counted(800, 800), State.WELL),
        (BAD, counted(0, 0), State.UNKNOWN),
        (BAD, counted(30, 0), State.UNKNOWN),
        (counted(20, LEAST - 1), counted(20, LEAST - 1), State.UNKNOWN),
        (counted(20, LEAST), counted(20, LEAST), State.BURNS),
        (counted(10_000, 150), counted(800, 30), State.UNKNOWN),
        (counted(0, 0, 0.0), counted(0, 0, 0.0), State.UNKNOWN),
    ],
    ids=[
        "both windows",
        "the short one is well again",
        "only the short one",
        "nothing is seen of late",
        "hardly anything is seen of late",
        "a few failures",
        "enough of them",
        "above the limit by chance",
        "nothing at all",
    ],
)
def test_when_a_rule_burns(long: Counted, short: Counted, expected: State) -> None:
    assert state_of(FAST, BUDGET, long, short) is expected


def test_what_nobody_saw_was_well_for_an_alarm_and_nothing_for_the_all_clear() -> None:
    short = counted(700, 30)
    assert state_of(FAST, BUDGET, counted(2_000, 60, HOUR), short) is State.BURNS
    assert state_of(FAST, BUDGET, counted(2_000, 60, 1200.0), short) is not State.BURNS, "a third of the hour was seen"
    assert not is_well(FAST, BUDGET, counted(enough(FAST.rate * BUDGET) - 1, 0))
    assert is_well(FAST, BUDGET, counted(enough(FAST.rate * BUDGET), 0))


def test_enough_is_what_would_have_shown_a_failure() -> None:
    assert enough(0.0144) == 207
    assert (1 - 0.0144) ** 207 < 0.05 <= (1 - 0.0144) ** 206


def fed(rings: Rings, seconds: float, until: float, per_second: int = 2, bad: int = 0, **where: str) -> None:
    """Each second so many requests, ``bad`` of them failed."""
    at = until - seconds
    while at < until:
        for n in range(per_second):
            named = {"region": "east", "endpoint": "checkout", **where}
            rings.add(at + 0.5, named["region"], named["endpoint"], failed=n < bad, slow=False)
        rings.looked(at, at + 1)
        at += 1


def test_memory_is_bounded_however_long_it_counts() -> None:
    rings = Rings(RULES)
    for at in range(0, 30 * 86_400, 20):
        rings.add(NOW + at, "east", "checkout", failed=False, slow=False)
    for rule in RULES:
        assert len(rings.dump(rule.name)["buckets"]) <= most(rule) == 146
    assert len(json.dumps(rings.dump("fast"))) < 20_000


def test_a_request_older_than_the_ring_counts_nowhere() -> None:
    rings = Rings(RULES)
    fed(rings, 10, NOW)
    for at in range(150):
        rings.add(NOW + 25 * at, "east", "checkout", failed=False, slow=False)
    before = rings.sums(FAST, 0, NOW + 10_000).of(WHOLE)
    rings.add(NOW - 10_000, "east", "checkout", failed=True, slow=True)
    assert rings.sums(FAST, 0, NOW + 10_000).of(WHOLE).bad == before.bad == 0


def test_counts_survive_being_written_down() -> None:
    rings = Rings(RULES)
    fed(rings, 400, NOW, bad=1)
    again = Rings(RULES)
    for rule in RULES:
        again.load(rule.name, json.loads(json.dumps(rings.dump(rule.name))))
        assert again.sums(rule, NOW - rule.long, NOW) == rings.sums(rule, NOW - rule.long, NOW)


@pytest.mark.parametrize(
    "value",
    [{}, {"version": 2, "width": 25.0}, {"version": 1, "width": 1.0}, {"version": 1, "width": 25.0, "buckets": 7}],
)
def test_counts_of_other_windows_are_refused(value: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="counts"):
        Rings(RULES).load("fast", value)


def test_classes_are_told_apart_and_regions_left_out() -> None:
    rings = Rings(RULES)
    fed(rings, 3600, NOW, endpoint="browse", region="west", per_second=4)
    assert [one.scope for one in everything(RULES[:1], {"availability": BUDGET}, rings, NOW, 0.0)] == [WHOLE]
    fed(rings, 300, NOW, bad=2)
    found = {one.scope: one for one in everything(RULES[:1], {"availability": BUDGET}, rings, NOW, 0.0)}
    assert set(found) == {WHOLE, "class browse", "class checkout"}
    assert [found[scope].state for scope in (WHOLE, "class browse")] == [State.BURNS, State.WELL]
    assert without(found[WHOLE], rings, "east", NOW, 0.0) is State.WELL
    assert without(found[WHOLE], rings, "west", NOW, 0.0) is State.BURNS


def test_slow_answers_burn_the_budget_of_latency_alone() -> None:
    rings = Rings(RULES)
    fed(rings, 3600, NOW - 600)
    for at in range(600):
        rings.add(NOW - 600 + at, "east", "checkout", failed=False, slow=True)
        rings.looked(NOW - 600 + at, NOW - 599 + at)
    budgets = budgets_of(("availability", "latency_p99"), 0.999)
    states = {one.objective: one.state for one in everything(RULES[:1], budgets, rings, NOW, 0.0)}
    assert states == {"availability": State.WELL, "latency_p99": State.WELL}, "9 % are less than 14.4 times 1 %"
    assert budgets == pytest.approx({"availability": 0.001, "latency_p99": 0.01})
    for _ in range(600):
        rings.add(NOW - 1, "east", "checkout", failed=False, slow=True)
    states = {one.objective: one.state for one in everything(RULES[:1], budgets, rings, NOW, 0.0)}
    assert states["latency_p99"] is State.BURNS


def test_what_was_answered_is_not_held_against_the_time_after_it() -> None:
    rings = Rings(RULES)
    fed(rings, 3600, NOW - 100, per_second=4)
    fed(rings, 100, NOW, per_second=4, bad=4)
    (before,) = everything(RULES[:1], {"availability": BUDGET}, rings, NOW, 0.0)
    assert before.state is State.BURNS
    fed(rings, 60, NOW + 60, per_second=4)
    (after,) = everything(RULES[:1], {"availability": BUDGET}, rings, NOW + 60, NOW)
    assert after.state is not State.BURNS
    (still,) = everything(RULES[:1], {"availability": BUDGET}, rings, NOW + 60, 0.0)
    assert still.state is State.BURNS


@pytest.mark.parametrize("before, after, expected", [(0, 4, True), (1, 4, False), (0, 0, False)])
def test_whether_it_began_with_something(before: int, after: int, expected: bool) -> None:
    rings = Rings(RULES)
    fed(rings, 3600, NOW - 300, per_second=4, bad=before)
    fed(rings, 300, NOW, per_second=4, bad=after)
    (found,) = everything(RULES[:1], {"availability": BUDGET}, rings, NOW, 0.0)
    assert began_with(found, rings, NOW - 300, NOW) is expected
