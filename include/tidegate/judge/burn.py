"""How fast the error budget burns, by the multi-window rules of Google's SRE workbook (chapter 5). Pure.

A rule has two windows and a rate. It burns while both, the long one and one a twelfth as long, show at least that rate:
the long one so that a short trouble which spends little wakes nobody, the short one so that the alarm ends soon after
the trouble does. The windows are parts of the period over which the budget is meant: with 30 days they are those of the
workbook, with 12 hours all of them are 60 times as short, and spend the same parts of the budget.

What is counted is requests. A rate is believed only where counting allows it: the long window's lower limit (Clopper
and Pearson, one-sided, at :data:`SURE`) has to reach the rate, and it has to hold :data:`LEAST` failures; of the short
one, which only says that it still goes on, the proportion itself is asked. A window in which too little was seen says
nothing, neither that it burns nor that all is well. For an alarm, time in
which nobody looked counts as if all had been well in it, since no data is no alarm; to say that all is well it counts
as nothing, since no data is never green.

This is no test with a stated α, which would have to be asked once and is asked twice a second; how often it is wrong is
measured (``benchmarks.burn``). What a release is to be blamed for is judged by :mod:`tidegate.judge.vigil`, which has
an α.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from tidegate.judge.bounds import lower_limit
from tidegate.judge.counted import Counted, Rings
from tidegate.judge.service import SLOW_BUDGET

HOUR, DAY, PERIOD = 3600.0, 86_400.0, 30 * 86_400.0  # seconds; the last is the workbook's period
PARTS = 12  # the short window is so many times shorter than the long one
SURE = 0.999  # confidence of the long window's lower limit
LEAST = 10  # failures in the long window: fewer are counted on fingers, and wake nobody
WELL = 0.95  # chance that a window which burns would have shown a failure: a window with fewer requests is not well
AVAILABILITY, LATENCY = "availability", "latency_p99"
WHOLE = "all requests"


class State(StrEnum):
    """Of one rule. ``UNKNOWN``: too little was seen, or what was seen allows both."""

    BURNS = "burns"
    WELL = "well"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class BurnRule:
    """``rate``: times as fast as promised. ``long``: seconds. ``urgent``: somebody is woken for it."""

    name: str
    rate: float
    long: float
    urgent: bool

    @property
    def short(self) -> float:
        return self.long / PARTS


def rules_for(period: float) -> tuple[BurnRule, ...]:
    """The most urgent first. They spend 2 %, 5 %, 10 % and 10 % of the budget within their long window."""
    scale = period / PERIOD
    return (
        BurnRule("fast", 14.4, HOUR * scale, True),
        BurnRule("slow", 6.0, 6 * HOUR * scale, True),
        BurnRule("day", 3.0, DAY * scale, False),
        BurnRule("days", 1.0, 3 * DAY * scale, False),
    )


@dataclass(frozen=True)
class Burning:
    """One rule of one objective for one scope (a class, or all requests), and what both windows hold. ``budget``: part
    of the requests that may break the objective."""

    rule: BurnRule
    objective: str
    scope: str
    budget: float
    long: Counted
    short: Counted

    @property
    def limit(self) -> float:
        """Part of the requests from which it burns."""
        return self.rule.rate * self.budget

    @property
    def state(self) -> State:
        return state_of(self.rule, self.budget, self.long, self.short)

    @property
    def words(self) -> str:
        broke = "failed" if self.objective == AVAILABILITY else "were too slow or failed"
        long = self._times(self.long.filled(self.rule.long))
        return (
            f"{self.scope}: the budget of {self.objective} burns {long}x as fast as promised over "
            f"{_spoken(self.rule.long)} ({self.long.bad} of {self.long.requests} {broke}), "
            f"{self._times(self.short)}x over {_spoken(self.rule.short)} ({self.short.bad} of "
            f"{self.short.requests}); rule {self.rule.name}: {self.rule.rate:g}x in both"
        )

    def _times(self, counted: Counted) -> str:
        return f"{counted.part / self.budget:.1f}"


def state_of(rule: BurnRule, budget: float, long: Counted, short: Counted) -> State:
    """Whether the rule burns."""
    if _burn(rule, rule.rate * budget, long, short):
        return State.BURNS
    return State.WELL if is_well(rule, budget, long) or is_well(rule, budget, short) else State.UNKNOWN


def is_well(rule: BurnRule, budget: float, window: Counted) -> bool:
    """Whether enough was seen in a window to say that it does not burn."""
    limit = rule.rate * budget
    return limit < 1 and window.part < limit and window.requests >= enough(limit)


@lru_cache(maxsize=64)
def enough(limit: float) -> int:
    """Requests among which a proportion of ``limit`` would have shown one failure at least, with :data:`WELL`."""
    return math.ceil(math.log(1 - WELL) / math.log1p(-limit))


def everything(
    rules: Sequence[BurnRule], budgets: Mapping[str, float], rings: Rings, now: float, after: float
) -> Iterator[Burning]:
    """Each rule of each objective, of all requests and of each class, the most urgent first. ``after``: short windows
    begin no earlier, since what was before it has been answered."""
    for rule in rules:
        long = rings.sums(rule, now - rule.long, now)
        short = rings.sums(rule, max(now - rule.short, after), now)
        for objective, budget in budgets.items():
            for scope in (WHOLE, *long.classes()):
                slow = objective == LATENCY
                yield Burning(rule, objective, scope, budget, long.of(scope, slow=slow), short.of(scope, slow=slow))


def without(found: Burning, rings: Rings, region: str, now: float, after: float) -> State:
    """How the rule stands for all requests that did not go to ``region``."""
    slow, rule = found.objective == LATENCY, found.rule
    long = rings.sums(rule, now - rule.long, now).of(WHOLE, slow=slow, but=region)
    short = rings.sums(rule, max(now - rule.short, after), now).of(WHOLE, slow=slow, but=region)
    return state_of(rule, found.budget, long, short)


def began_with(found: Burning, rings: Rings, since: float, now: float) -> bool:
    """Whether the burn is one of the time after ``since`` alone: what was counted since then burns by itself, and
    before it the budget was not seen to burn as fast."""
    slow, rule, limit = found.objective == LATENCY, found.rule, found.limit
    before = rings.sums(rule, now - rule.long, since).of(found.scope, slow=slow)
    long = rings.sums(rule, max(now - rule.long, since), now).of(found.scope, slow=slow)
    short = rings.sums(rule, max(now - rule.short, since), now).of(found.scope, slow=slow)
    return before.part < limit and _burn(rule, limit, long, short)


def budgets_of(objectives: Sequence[str], availability: float) -> dict[str, float]:
    """Objective -> part of the requests that may break it."""
    known = {AVAILABILITY: 1 - availability, LATENCY: SLOW_BUDGET}
    return {name: known[name] for name in objectives}


def _burn(rule: BurnRule, limit: float, long: Counted, short: Counted) -> bool:
    goes_on = short.bad > 0 and short.part >= limit
    return goes_on and long.bad >= LEAST and _reaches(long.filled(rule.long), limit)


def _reaches(window: Counted, limit: float) -> bool:
    """The lower limit is not asked where the proportion itself is below."""
    return window.part >= limit and lower_limit(window.bad, window.requests, SURE) >= limit


def _spoken(seconds: float) -> str:
    for size, unit in ((DAY, "d"), (HOUR, "h"), (60.0, "min")):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s"
