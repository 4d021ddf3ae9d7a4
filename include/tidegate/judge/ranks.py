"""Bets on whose a latency is, by its rank among its neighbours.

A request whose latency has rank u (0 = fastest, 1 = slowest) among both arms' recent ones is guessed to be the
candidate's with probability q(u) = σ(logit w + b + log h(u)), where h says how the candidate is supposed to differ:

* shifted as a whole: h(u) = exp(δz - δ²/2), z the normal score of u (a slower release);
* heavier at the end: h(u) = (1-ε) + εk u^(k-1) (a slow path that a part of the requests takes).

b makes the mean of q over uniform ranks equal w. All h grow with u. Tables hold 1,024 bins of u.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from statistics import NormalDist

BINS = 1024
SHIFTS = ((0.3, 0.16), (0.8, 0.16), (1.6, 0.16))  # δ, weight
TAILS = tuple((e, k, 0.52 / 6) for e in (0.05, 0.2) for k in (8, 40, 300))  # ε, k, weight
PRIOR = (*(weight for _, weight in SHIFTS), *(weight for _, _, weight in TAILS))

Factors = tuple[tuple[tuple[float, ...], ...], tuple[tuple[float, ...], ...]]


def bin_of(rank: float) -> int:
    """Bin of a rank between 0 and 1."""
    return min(BINS - 1, int(rank * BINS))


@lru_cache(maxsize=1)
def _log_h() -> tuple[tuple[float, ...], ...]:
    """log h by bet and bin, at the middle of each bin."""
    middles = [(i + 0.5) / BINS for i in range(BINS)]
    scores = [NormalDist().inv_cdf(u) for u in middles]
    rows = [tuple(d * z - d * d / 2 for z in scores) for d, _ in SHIFTS]
    rows += [tuple(math.log(1 - e + e * k * u ** (k - 1)) for u in middles) for e, k, _ in TAILS]
    return tuple(rows)


def _level(mean: Callable[[float], float], target: float, guess: float) -> float:
    """x with mean(x) = target, for a mean that grows with x, by bisection round ``guess``."""
    low, high = guess - 8.0, guess + 8.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if mean(middle) < target else (low, middle)
    return (low + high) / 2


@lru_cache(maxsize=64)
def log_factors(weight: float) -> Factors:
    """Log factors by bin, then by bet, for a request (of the candidate, of the stable arm). 0 < weight < 1."""
    candidate, stable = [], []
    for row in _log_h():
        odds = [math.exp(v) for v in row]

        def mean(level: float, odds: list[float] = odds) -> float:
            base = math.exp(level)
            return sum(base * o / (1 + base * o) for o in odds) / BINS

        base = math.exp(_level(mean, weight, math.log(weight / (1 - weight))))
        candidate.append([math.log(base * o / (1 + base * o) / weight) for o in odds])
        stable.append([math.log(1 / (1 + base * o) / (1 - weight)) for o in odds])
    return tuple(zip(*candidate, strict=True)), tuple(zip(*stable, strict=True))
