"""When promotions may begin, as it is written; :mod:`tidegate.policy.windows` reckons with it."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from tidegate.policy import rules
from tidegate.policy.base import Part, Text
from tidegate.policy.problem import enforce

HOURS = r"^([01]\d|2[0-3]):[0-5]\d-(([01]\d|2[0-3]):[0-5]\d|24:00)$"
DATES = r"^\d{4}-\d{2}-\d{2}(\.\.\d{4}-\d{2}-\d{2})?$"
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class OpenHours(Part):
    """One regular window.

    ``days``: of the week. ``hours``: from and to in local time, like 09:00-16:30; 24:00 is the end of the day.
    """

    days: Annotated[tuple[Day, ...], Field(min_length=1, max_length=7)]
    hours: Annotated[str, StringConstraints(pattern=HOURS)]

    @property
    def minutes(self) -> tuple[int, int]:
        """From and to, in minutes after midnight."""
        begin, end = (int(text[:2]) * 60 + int(text[3:]) for text in self.hours.split("-"))
        return begin, end


class Windows(Part):
    """When promotions may begin. One that has begun is let finish; rollbacks begin at any time.

    ``zone``: an IANA time zone, like Europe/Berlin. ``open``: the regular windows. ``blackout``: days on which none is
    open, each a date or a span of dates, like 2026-12-20..2027-01-06.
    """

    zone: Text
    open: Annotated[tuple[OpenHours, ...], Field(min_length=1, max_length=50)]
    blackout: Annotated[tuple[Annotated[str, StringConstraints(pattern=DATES)], ...], Field(max_length=200)] = ()

    @model_validator(mode="after")
    def _hangs_together(self) -> Windows:
        enforce(rules.windows(self))
        return self

    @property
    def dark(self) -> tuple[tuple[date, date], ...]:
        """First and last day of each blackout."""
        spans = (text.partition("..") for text in self.blackout)
        return tuple((date.fromisoformat(a), date.fromisoformat(b or a)) for a, _, b in spans)
