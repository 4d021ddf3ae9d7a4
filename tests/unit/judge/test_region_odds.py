"""The arithmetic behind "at most one false automatic failover a year", and the numbers that the page prints."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from tidegate.judge.region_odds import YEAR, bearable_probes, by_common_cause, by_lines_down, by_single_probes
from tidegate.judge.regions import Rule

PAGE = Path(__file__).parents[3] / "docs" / "explanation" / "failover.md"
DEFAULT = Rule(every=0.25, probes=3, points=2)


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
