"""Change windows in local time: open or not, the next opening, and what a policy may not say."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from tidegate.policy.schema import Windows
from tidegate.policy.windows import is_open, next_opening, spoken

BERLIN = "Europe/Berlin"
OFFICE = {"days": ("mon", "tue", "wed", "thu"), "hours": "09:00-16:00"}


def windows(*open_: dict[str, Any], zone: str = BERLIN, blackout: tuple[str, ...] = ()) -> Windows:
    return Windows.model_validate({"zone": zone, "open": open_ or (OFFICE,), "blackout": blackout})


def at(text: str, zone: str = BERLIN) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


@pytest.mark.parametrize(
    ("moment", "is_so"),
    [
        ("2026-11-23T09:00", True),  # a Monday
        ("2026-11-23T08:59", False),
        ("2026-11-23T15:59", True),
        ("2026-11-23T16:00", False),
        ("2026-11-27T10:00", False),  # a Friday
    ],
)
def test_open_from_the_first_minute_until_before_the_last(moment: str, is_so: bool) -> None:
    assert is_open(windows(), at(moment)) is is_so


def test_after_the_last_window_of_the_week_comes_the_first_of_the_next() -> None:
    opens = next_opening(windows(), at("2026-11-26T17:00"))
    assert opens == at("2026-11-30T09:00")
    assert opens is not None
    assert spoken(windows(), opens) == "on mon 2026-11-30 at 09:00 (Europe/Berlin)"


def test_while_one_is_open_it_opens_now() -> None:
    assert next_opening(windows(), at("2026-11-23T10:00")) == at("2026-11-23T10:00")


def test_the_hour_is_that_of_the_wall_clock_in_summer_and_in_winter() -> None:
    july, january = at("2026-07-06T07:30", "UTC"), at("2026-01-05T07:30", "UTC")
    assert is_open(windows(), july), "09:30 in Berlin"
    assert not is_open(windows(), january), "08:30 in Berlin"


def test_an_hour_that_summer_time_skips_opens_after_it() -> None:
    night = windows({"days": ("sun",), "hours": "02:30-04:00"})
    assert not is_open(night, at("2026-03-29T01:59"))
    assert is_open(night, at("2026-03-29T03:45"))


def test_nothing_opens_on_a_blackout_day() -> None:
    dark = windows(blackout=("2026-11-24", "2026-12-20..2027-01-06"))
    assert not is_open(dark, at("2026-11-24T10:00"))
    assert next_opening(dark, at("2026-12-17T17:00")) == at("2027-01-07T09:00")


def test_a_day_ends_at_24() -> None:
    late = windows({"days": ("mon",), "hours": "22:00-24:00"})
    assert is_open(late, at("2026-11-23T23:59"))
    assert not is_open(late, at("2026-11-24T00:00"))


def test_where_all_is_dark_nothing_opens() -> None:
    assert next_opening(windows(blackout=("2026-01-01..2099-01-01",)), at("2026-11-23T10:00")) is None


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"zone": "Europe/Berln"}, "there is no time zone 'Europe/Berln'"),
        ({"open": ({"days": ("mon",), "hours": "16:00-09:00"},)}, "ends before it begins"),
        ({"blackout": ("2026-02-30",)}, "names a day that no calendar has"),
        ({"blackout": ("2026-02-03..2026-02-01",)}, "ends before it begins"),
        ({"open": ({"days": ("mon",), "hours": "9-16"},)}, "match"),
    ],
)
def test_what_cannot_be_meant_is_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Windows.model_validate({"zone": BERLIN, "open": (OFFICE,), **changes})
