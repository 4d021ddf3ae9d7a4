"""Is a region lost? The rule on cases with names, and its promises on whatever may come."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.judge.regions import COMPUTE, DATABASE, REGION, WRITER, Regions, Rule, Run, Sight, rule_on

NOW = 1_000.0
RULE = Rule(every=0.25, probes=3, points=2)
WELL, GONE, UNKNOWN = Run(True, 9, 900.0), Run(False, 3, 999.0, "refused"), Run(None, 4, 990.0, "no log-in")
FAIR = {
    "east": {DATABASE: WELL, WRITER: WELL, COMPUTE: WELL},
    "west": {DATABASE: WELL, WRITER: replace(GONE, times=99, why="it is a standby"), COMPUTE: WELL},
}


def seen(point: str, at: float = NOW, **east: Run) -> Sight:
    return Sight(point, at, {**FAIR, "east": {**FAIR["east"], **east}})


DARK = {DATABASE: GONE, WRITER: GONE, COMPUTE: GONE}


def ruled(*sights: Sight, rule: Rule = RULE) -> object:
    return rule_on(rule, "east", sights, NOW)


def test_a_region_that_two_points_see_dark_is_lost() -> None:
    loss = ruled(seen("guard", **DARK), seen("two", **DARK)).loss
    assert (loss.region, loss.what, loss.primary, loss.seen_by) == ("east", REGION, True, ("guard", "two"))
    assert loss.why == "east is lost: seen by guard, two, 3 times in a row or more (refused)"
    assert loss.observed_at == 999.0


def test_a_partition_between_the_regions_alone_is_no_loss_of_either() -> None:
    """Each point sees both regions; the standby only falls behind."""
    ruling = ruled(seen("guard"), seen("two"))
    assert (ruling.loss, ruling.why) == (None, "every region is well (seen by guard, two)")


def test_one_point_alone_decides_nothing_and_it_is_said() -> None:
    ruling = ruled(seen("guard", **DARK), seen("two"))
    assert ruling.loss is None
    assert ruling.why == "database in east fails for guard only, and 2 points have to agree"


@pytest.mark.parametrize(
    "at, said", [(NOW - 3, "two has not looked for 3 s"), (NOW + 5, "two has not looked for -5 s")]
)
def test_a_point_that_is_stale_or_from_the_future_counts_neither_way(at: float, said: str) -> None:
    ruling = ruled(seen("guard", **DARK), seen("two", at, **DARK))
    assert ruling.loss is None and said in ruling.why


def test_a_point_that_sees_nothing_at_all_doubts_its_own_line() -> None:
    nothing = Sight("two", NOW, {"east": DARK, "west": DARK})
    ruling = ruled(seen("guard", **DARK), nothing)
    assert ruling.loss is None and "two sees nothing at all" in ruling.why


def test_two_failures_are_not_three() -> None:
    short = replace(GONE, times=2)
    assert ruled(seen("guard", **DARK), seen("two", **{**DARK, DATABASE: short, WRITER: short})).loss.what == COMPUTE
    assert ruled(seen("guard", database=short), seen("two", database=short)).loss is None


def test_only_the_database() -> None:
    parts = {DATABASE: GONE, WRITER: GONE}
    loss = ruled(seen("guard", **parts), seen("two", **parts)).loss
    assert (loss.region, loss.what) == ("east", DATABASE)


def test_a_primary_that_comes_back_as_a_standby_takes_no_writes_and_is_lost() -> None:
    demoted = Run(False, 4, 998.0, "it is a standby")
    loss = ruled(seen("guard", writer=demoted), seen("two", writer=demoted)).loss
    assert (loss.what, "it is a standby" in loss.why) == (DATABASE, True)


def test_a_standby_that_takes_no_writes_is_well() -> None:
    assert ruled(seen("guard"), seen("two")).loss is None


def test_only_compute() -> None:
    loss = ruled(seen("guard", compute=GONE), seen("two", compute=GONE)).loss
    assert (loss.region, loss.what) == ("east", COMPUTE)


def test_the_other_region_may_be_lost_too_and_is_not_the_primary() -> None:
    points = [Sight(p, NOW, {**FAIR, "west": {DATABASE: GONE, COMPUTE: GONE}}) for p in ("guard", "two")]
    loss = ruled(*points).loss
    assert (loss.region, loss.what, loss.primary) == ("west", REGION, False)


def test_what_cannot_be_told_is_no_vote() -> None:
    assert ruled(seen("guard", **DARK), seen("two", database=UNKNOWN, writer=UNKNOWN)).loss is None


def test_nobody_sees_anything() -> None:
    assert ruled().why == "nobody sees the regions: no vantage point has looked"


def test_a_run_begins_anew_with_another_answer() -> None:
    run = Run().and_then(False, 1.0, "a").and_then(False, 2.0, "b")
    assert (run.times, run.since, run.why) == (2, 1.0, "b")
    assert run.and_then(None, 3.0).and_then(False, 4.0).times == 1, "what could not be told ends the row"


def test_a_sight_comes_back_from_json_and_half_of_one_does_not() -> None:
    sight = seen("guard", **DARK)
    assert Sight.from_json("guard", sight.to_json()) == sight
    for broken in (
        {},
        {"at": 1},
        {"at": 1, "regions": []},
        {"at": 1, "regions": {"east": {"database": {"well": "no"}}}},
    ):
        assert Sight.from_json("guard", broken) is None


runs = st.builds(
    Run,
    well=st.sampled_from([True, False, None]),
    times=st.integers(0, 6),
    since=st.floats(900, NOW),
    why=st.just("x"),
)
parts: st.SearchStrategy[Regions] = st.fixed_dictionaries(
    {region: st.fixed_dictionaries(dict.fromkeys((DATABASE, WRITER, COMPUTE), runs)) for region in ("east", "west")}
)
any_sights = st.lists(
    st.builds(Sight, st.sampled_from(["guard", "two", "three"]), st.floats(NOW - 6, NOW + 6), parts), max_size=6
)


def votes(sight: Sight, region: str) -> bool:
    return any(run.well is False and run.times >= RULE.probes for run in sight.regions[region].values())


@given(any_sights)
def test_no_loss_without_enough_fresh_points_that_see_it(sights: list[Sight]) -> None:
    loss = ruled(*sights).loss
    if loss is None:
        return
    fresh = [s for s in sights if abs(NOW - s.at) <= RULE.stale_after and votes(s, loss.region)]
    assert len({s.point for s in fresh}) >= RULE.points
    assert set(loss.seen_by) <= {s.point for s in fresh}


@given(any_sights, st.randoms())
def test_the_order_of_the_beats_decides_nothing(sights: list[Sight], random: object) -> None:
    one_each = list({s.point: s for s in sights}.values())
    shuffled = list(one_each)
    random.shuffle(shuffled)
    assert ruled(*shuffled) == ruled(*one_each)


@given(any_sights, parts)
def test_a_blind_point_changes_nothing(sights: list[Sight], seen_by_it: Regions) -> None:
    """Whatever a stale point says; and a name of its own, so that it replaces nobody."""
    before = ruled(*sights).loss
    assert ruled(*sights, Sight("late", NOW - 10, seen_by_it)).loss == before


@given(any_sights, st.integers(1, 4), st.integers(1, 5))
def test_asking_for_more_never_finds_more(sights: list[Sight], points: int, probes: int) -> None:
    strict = ruled(*sights, rule=Rule(0.25, probes + 1, points + 1)).loss
    if strict is not None:
        assert ruled(*sights, rule=Rule(0.25, probes, points)).loss is not None
