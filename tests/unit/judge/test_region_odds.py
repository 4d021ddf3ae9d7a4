"""The arithmetic behind "at most one false automatic failover a year", and the numbers that the page prints."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from tidegate.judge.region_odds import (
    YEAR,
    Assumed,
    bearable_probes,
    by_common_cause,
    by_lines_down,
    by_probes,
    by_single_probes,
    false_failovers,
)
from tidegate.judge.regions import Rule

PAGE = Path(__file__).parents[3] / "docs" / "explanation" / "failover.md"
DEFAULT = Rule(every=0.25, probes=3, points=2)
ODDS = false_failovers(DEFAULT, Assumed())


def printed() -> dict[str, float]:
    found = re.findall(r"<!-- odds:(\w+) -->([\d.,]+)", PAGE.read_text())
    return {name: float(number.replace(",", "")) for name, number in found}


def test_the_page_prints_what_is_computed() -> None:
    computed = {
        "probes": round(100 * bearable_probes(DEFAULT), 2),
        "years": float(round(1 / by_single_probes(DEFAULT, 0.01))),
        "lines": round((1 / by_lines_down(DEFAULT, 1.0, 30.0)) ** 0.5, 2),
        "daily": round(by_lines_down(DEFAULT, 1.0, 30.0), 2),
        "common": round(100 / by_common_cause(1.0, 1.0), 2),
        "sum_probes": round(ODDS.probes, 5),
        "sum_lines": round(ODDS.lines, 2),
        "sum_common": round(ODDS.common, 2),
        "sum": round(ODDS.a_year, 2),
    }
    assert printed() == computed


def test_the_promise_at_the_stated_assumptions() -> None:
    stated = printed()
    assert by_single_probes(DEFAULT, stated["probes"] / 100 - 1e-4) <= 1
    assert by_lines_down(DEFAULT, stated["lines"] - 0.01, 30.0) <= 1


def test_the_defaults_are_the_policy_s() -> None:
    from tidegate.policy.failover import Decide

    decide = Decide()
    assert Rule(decide.every, decide.probes, decide.vantage_points) == DEFAULT


@pytest.mark.parametrize("fails, probes, points", [(0.3, 2, 2), (0.2, 3, 1), (0.4, 2, 3)])
def test_the_formula_against_a_simulation(fails: float, probes: int, points: int) -> None:
    """Points look in turn; a loss begins when the last of them begins to vote."""
    source, looks = random.Random(5), 200_000
    rows, lost, begun = [0] * points, False, 0
    for look in range(looks * points):
        point = look % points
        rows[point] = rows[point] + 1 if source.random() < fails else 0
        now = all(row >= probes for row in rows)
        begun += now and not lost
        lost = now
    expected = by_single_probes(Rule(1.0, probes, points), fails) / YEAR * looks
    assert 0.8 * expected < begun < 1.2 * expected, (begun, expected)


def test_the_promise_of_one_a_year_holds_with_what_is_assumed() -> None:
    assert ODDS.bearable and ODDS.a_year <= 1
    assert not false_failovers(DEFAULT, Assumed(in_common=0.003)).bearable
    assert not false_failovers(Rule(0.25, 3, 1), Assumed()).bearable, "a line that is down once a day is enough"


def test_the_assumptions_are_the_policy_s() -> None:
    from tidegate.policy.watch import Assume

    assert Assume().assumed == Assumed()


@pytest.mark.parametrize("rule", [DEFAULT, Rule(1.0, 1, 1), Rule(0.5, 4, 3)])
def test_without_anything_in_common_it_is_the_sum_for_single_probes(rule: Rule) -> None:
    assert by_probes(rule, 0.05, 0.0) == pytest.approx(by_single_probes(rule, 0.05))


def test_what_points_have_in_common_makes_it_worse() -> None:
    shares = [by_probes(DEFAULT, 0.05, share) for share in (0.0, 0.1, 0.5, 1.0)]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(YEAR / 0.25 * 0.05**3 * 0.95), "all of it: as one point alone"


@pytest.mark.parametrize(
    "fails, common, probes, points", [(0.3, 0.2, 2, 2), (0.3, 0.5, 3, 2), (0.4, 0.1, 2, 3), (0.3, 1.0, 2, 2)]
)
def test_the_formula_with_a_share_in_common_against_a_simulation(
    fails: float, common: float, probes: int, points: int
) -> None:
    """The real rule's rows of failures, with far more trouble than anybody has, so that it converges."""
    source, rounds = random.Random(6), 300_000
    together = fails * common
    alone = (fails - together) / (1 - together)
    rows, lost, begun = [0] * points, False, 0
    for _ in range(rounds):
        all_fail = source.random() < together
        for point in range(points):
            failed = all_fail or source.random() < alone
            rows[point] = rows[point] + 1 if failed else 0
            now = all(row >= probes for row in rows)
            begun += now and not lost
            lost = now
    expected = by_probes(Rule(1.0, probes, points), fails, common) / YEAR * rounds
    assert 0.93 * expected < begun < 1.07 * expected, (begun, expected)
