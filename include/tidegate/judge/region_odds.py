"""How often the rule of :mod:`tidegate.judge.regions` would call a region lost that is well. Pure arithmetic.

Two kinds of trouble make a well region look dark from one point: single probes that fail by themselves, and a line that
is down for a while. Both are taken as independent between points; what points have in common is counted apart.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from tidegate.judge.regions import Rule

YEAR = 365.25 * 86_400  # seconds
MOST = 1.0  # false automatic failovers a year that are bearable


@dataclass(frozen=True)
class Assumed:
    """What nobody knows and a policy states. ``probe_fails``: part of one point's probes that fail though the region is
    well. ``line_down``: times a day that a point's line to the primary's region is down, ``line_down_for`` seconds
    each. ``in_common``: part of either that all points meet at once. ``points``: that look, at least the rule's."""

    probe_fails: float = 0.01
    line_down: float = 1.0
    line_down_for: float = 30.0
    in_common: float = 0.001
    points: int = 0


@dataclass(frozen=True)
class Odds:
    """False losses of the primary a year, by their cause. Each would be a false failover where the guard may act; that
    a fence has to hold first, and the loss of writes be ruled out, makes some of them none, and is not counted on."""

    probes: float
    lines: float
    common: float

    @property
    def a_year(self) -> float:
        return self.probes + self.lines + self.common

    @property
    def bearable(self) -> bool:
        return self.a_year <= MOST


def false_failovers(rule: Rule, assumed: Assumed) -> Odds:
    """The arithmetic of a policy. With more points than have to agree, any choice of them may be wrong: union bound."""
    choices = math.comb(max(assumed.points, rule.points), rule.points)
    own = assumed.line_down * (1 - assumed.in_common)
    return Odds(
        probes=choices * by_probes(rule, assumed.probe_fails, assumed.in_common),
        lines=choices * by_lines_down(rule, own, assumed.line_down_for),
        common=by_common_cause(assumed.line_down, assumed.in_common if rule.points > 1 else 0.0),
    )


def by_probes(rule: Rule, fails: float, common: float) -> float:
    """False losses a year, if each probe fails with probability ``fails``, and the part ``common`` of that is trouble
    of a whole round, in which every point fails. Points look in turn, and rounds do not depend on each other.

    Let a(j) be the chance that j given points fail in one round. A loss begins with the k-th point's look if the points
    up to k have failed in this round, all of them in the N-1 before, and those behind k in the one before these, but k
    itself had not: a(m)^(N-1) a(k) (a(m-k) - a(m-k+1)), summed over k. Without ``common`` it is
    :func:`by_single_probes`.
    """
    together = fails * common
    alone = (fails - together) / (1 - together)

    def fail(points: int) -> float:
        return 1.0 if points == 0 else together + (1 - together) * float(alone**points)

    count = rule.points
    begins = sum(fail(k) * (fail(count - k) - fail(count - k + 1)) for k in range(1, count + 1))
    return YEAR / rule.every * float(fail(count) ** (rule.probes - 1)) * begins


def by_single_probes(rule: Rule, fails: float) -> float:
    """False losses a year, if each probe of each point fails by itself with probability ``fails``.

    A point votes after ``probes`` failures in a row: at any time with probability f^N, and it begins to with
    probability (1-f) f^N at each look. All have to vote at once, so the last of them begins while the others do.
    """
    looks, vote = YEAR / rule.every, fails**rule.probes
    return looks * rule.points * (1 - fails) * vote**rule.points


def by_lines_down(rule: Rule, a_day: float, seconds: float) -> float:
    """False losses a year, if each point's line to one region is down ``a_day`` times a day, ``seconds`` each, longer
    than it takes to vote: the last point's line goes down while the others' are."""
    down = min(1.0, a_day * seconds / 86_400)
    return 365.25 * rule.points * a_day * float(down ** (rule.points - 1))


def by_common_cause(a_day: float, common: float) -> float:
    """False losses a year, if the part ``common`` of the times that a line is down is the same event for all points:
    no number of points helps against it."""
    return 365.25 * a_day * common


def bearable_probes(rule: Rule, a_year: float = 1.0) -> float:
    """The largest probability of a failing probe that makes at most so many false losses a year."""
    low, high = 0.0, 0.5
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if by_single_probes(rule, middle) <= a_year else (low, middle)
    return low
