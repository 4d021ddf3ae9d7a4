"""How often the rule of :mod:`tidegate.judge.regions` would call a region lost that is well. Pure arithmetic.

Two kinds of trouble make a well region look dark from one point: single probes that fail by themselves, and a line that
is down for a while. Both are taken as independent between points; what points have in common is counted apart.
"""

from __future__ import annotations

from tidegate.judge.regions import Rule

YEAR = 365.25 * 86_400  # seconds


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
