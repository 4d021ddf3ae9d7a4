"""Health after a rung, by cases."""

from __future__ import annotations

from typing import Any

import pytest

from tidegate.judge.aftermath import HealthRequirement, assess_health
from tidegate.model.verdict import Verdict

NOW = 1_000.0
ASKED = HealthRequirement(("east", "west"), since=900.5, requests=300, not_above=0.01, confidence=0.95)


def document(east: tuple[int, int, int], west: tuple[int, int, int] = (300, 0, 0), **more: Any) -> dict[str, Any]:
    seconds = [{"at": 950, "regions": {"east": list(east), "west": list(west)}}]
    return {"version": 1, "written_at": NOW - 0.5, "observed_at": NOW - 0.6, "seconds": seconds, **more}


def verdict(found: object, asked: HealthRequirement = ASKED, now: float = NOW) -> Verdict:
    return assess_health(asked, found, now, 5.0).verdict


@pytest.mark.parametrize(
    ("east", "expected"),
    [
        ((300, 0, 0), Verdict.PASS),  # 299 clean ones bound the failing part by 1 % at 95 %
        ((299, 0, 0), Verdict.INCONCLUSIVE),  # too few
        ((3, 3, 0), Verdict.INCONCLUSIVE),  # too few to be ill as well
        ((0, 0, 0), Verdict.NO_DATA),  # nobody came
        ((300, 1, 0), Verdict.INCONCLUSIVE),  # not proved either way
        ((2000, 10, 0), Verdict.PASS),
        ((300, 30, 0), Verdict.FAIL),
        ((300, 0, 30), Verdict.FAIL),  # slow
        ((300, 0, 5), Verdict.PASS),  # not proved slow
    ],
)
def test_one_region(east: tuple[int, int, int], expected: Verdict) -> None:
    assert verdict(document(east)) is expected


def test_a_region_that_fails_does_not_hide_behind_one_that_does_not() -> None:
    assert verdict(document((300, 30, 0), west=(100_000, 0, 0))) is Verdict.FAIL


def test_only_the_regions_that_are_asked_for_count() -> None:
    east = HealthRequirement(("east",), 900.5, 300, 0.01, 0.95)
    assert verdict(document((300, 0, 0), west=(300, 300, 0)), east) is Verdict.PASS


def test_what_came_before_the_last_step_does_not_count() -> None:
    assert verdict(document((300, 0, 0)), HealthRequirement(("east",), 950.1, 300, 0.01, 0.95)) is Verdict.NO_DATA
    assert verdict(document((300, 0, 0)), HealthRequirement(("east",), 950.0, 300, 0.01, 0.95)) is Verdict.PASS


@pytest.mark.parametrize(
    "found",
    [
        None,
        document((300, 0, 0), written_at=NOW - 6),
        document((300, 0, 0), written_at=NOW + 60),
        document((300, 0, 0), written_at=float("nan")),
        document((300, 0, 0), observed_at=NOW - 6),
        document((300, 0, 0), observed_at=None),
        document((300, 0, 0), seconds=[{"at": 950}]),
        {"version": 1},
        "nonsense",
    ],
)
def test_blind_is_never_health(found: object) -> None:
    assert verdict(found) is Verdict.NO_DATA


def test_it_says_what_is_missing() -> None:
    seen = assess_health(ASKED, document((120, 0, 0)), NOW, 5.0)
    assert seen.readings[0].missing == "180 more requests in east"
    assert "east: 120 of 300 requests since the last step" in seen.why
