"""Change windows: when promotions may begin. Pure: local time of a named zone, with its changes of summer time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from tidegate.policy.schema import Windows

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_AHEAD = 731  # days that are looked at for the next opening
MINUTES = 24 * 60


def is_open(windows: Windows, at: float) -> bool:
    """Whether a promotion may begin at ``at`` (epoch seconds)."""
    return any(begin <= at < end for begin, end in _spans(windows, _local(windows, at).date(), days=1))


def next_opening(windows: Windows, at: float) -> float | None:
    """When a window next begins, epoch seconds; ``at`` itself if one is open; None within the next two years."""
    for begin, end in _spans(windows, _local(windows, at).date(), days=_AHEAD):
        if end > at:
            return max(begin, at)
    return None


def spoken(windows: Windows, at: float) -> str:
    """A time for people, in the window's own zone: ``on mon 2026-11-23 at 09:00 (Europe/Berlin)``."""
    local = _local(windows, at)
    return f"on {DAYS[local.weekday()]} {local:%Y-%m-%d} at {local:%H:%M} ({windows.zone})"


def _local(windows: Windows, at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC).astimezone(ZoneInfo(windows.zone))


def _spans(windows: Windows, first: date, days: int) -> Iterator[tuple[float, float]]:
    """Open spans of so many days, each day's in order of their beginning, blackout dates left out."""
    for number in range(days):
        day = first + timedelta(days=number)
        if any(begin <= day <= end for begin, end in windows.dark):
            continue
        hours = [hours for one in windows.open if DAYS[day.weekday()] in one.days for hours in [one.minutes]]
        for begin, end in sorted(hours):
            yield _moment(windows, day, begin), _moment(windows, day, end)


def _moment(windows: Windows, day: date, minutes: int) -> float:
    """Epoch seconds of a local time. 24:00 is the next day's 00:00; an hour that summer time skips begins after it."""
    day, minutes = (day + timedelta(days=1), 0) if minutes == MINUTES else (day, minutes)
    local = datetime.combine(day, time(minutes // 60, minutes % 60), ZoneInfo(windows.zone))
    return local.timestamp()
