"""What looking again and again costs the bound "not worse by", whose confidence is that of one look.

What the error signal sees, how surely and how soon at a policy's traffic, is told by ``tidegate lint``
(:mod:`tidegate.policy.sight`), which follows the same bets.
"""

from __future__ import annotations

import math

from tidegate.judge.bounds import upper_limit


def pass_risk(limit: float, confidence: float, requests: int) -> float:
    """Chance that a candidate that is worse by exactly ``limit`` ever passes the bound within ``requests`` candidate
    requests, a gate looking after each. The stable arm is taken to be free of errors and much larger.

    Errors are Poisson; with k errors the bound is met from a certain number of requests on: it suffices to look then.
    Raises ValueError for a limit or a confidence outside (0, 1).
    """
    if not (0 < limit < 1 and 0 < confidence < 1):
        raise ValueError(f"limit {limit} and confidence {confidence} must lie between 0 and 1")
    waiting, passed, before, errors = {0: 1.0}, 0.0, 0, 0
    while (at := _enough(errors, limit, confidence)) <= requests:
        waiting = _arrived(waiting, (at - before) * limit)
        passed += sum(chance for count, chance in waiting.items() if count <= errors)
        waiting = {count: chance for count, chance in waiting.items() if count > errors}
        before, errors = at, errors + 1
    return passed


def _enough(errors: int, limit: float, confidence: float) -> int:
    """Fewest requests at which ``errors`` of them are bounded below ``limit``."""
    low, high = errors, 2 * errors + 1
    while upper_limit(errors, high, confidence) >= limit:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if upper_limit(errors, middle, confidence) >= limit else (low, middle)
    return high


def _arrived(waiting: dict[int, float], expected: float) -> dict[int, float]:
    """Counts after Poisson errors have come on top, to chances below 1e-12."""
    after: dict[int, float] = {}
    for count, chance in waiting.items():
        more, part = 0, chance * math.exp(-expected)
        while part > 1e-12 or more < expected:
            after[count + more] = after.get(count + more, 0.0) + part
            more += 1
            part *= expected / more
    return after
