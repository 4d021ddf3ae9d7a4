"""Bets on whose a latency is, by its rank u among its neighbours of both arms (0 = fastest, 1 = slowest).

*By rank*: the request is guessed to be the candidate's with probability q(u) = σ(logit w + b + log h(u)), where h says
how the candidate is supposed to differ:

* shifted as a whole: h(u) = exp(δz - δ²/2), z the normal score of u (a slower release);
* heavier at the end: h(u) = (1-ε) + εk u^(k-1) (a slow path that a part of the requests takes).

b makes the mean of q over uniform ranks equal w. All h grow with u. Tables hold 1,024 bins of u.

*By level*: the request is among the slowest part p, and the candidate's odds of that are t times the stable arm's: the
bet of the errors (:mod:`tidegate.judge.errors`) with "slow" for "failed".
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from statistics import NormalDist

BINS = 1024
LEVELS = (0.1, 0.03, 0.01)  # slowest part of the requests
ODDS = (3.0, 15.0)
SHIFTS = (0.3, 0.8, 1.6)  # δ
TAILS = ((0.05, 40), (0.2, 8), (0.2, 40), (0.2, 100), (0.2, 300), (0.5, 100))  # ε, k
BY_RANK = len(SHIFTS) + len(TAILS)
BY_LEVEL = len(LEVELS) * len(ODDS)
PRIOR = (*[0.3 / BY_RANK] * BY_RANK, *[0.7 / BY_LEVEL] * BY_LEVEL)

Factors = tuple[tuple[tuple[float, ...], ...], tuple[tuple[float, ...], ...]]


def bin_of(rank: float) -> int:
    """Bin of a rank between 0 and 1."""
    return min(BINS - 1, int(rank * BINS))


@lru_cache(maxsize=1)
def _log_h() -> tuple[tuple[float, ...], ...]:
    """log h by bet and bin, at the middle of each bin."""
    middles = [(i + 0.5) / BINS for i in range(BINS)]
    scores = [NormalDist().inv_cdf(u) for u in middles]
    rows = [tuple(d * z - d * d / 2 for z in scores) for d in SHIFTS]
    rows += [tuple(math.log(1 - e + e * k * u ** (k - 1)) for u in middles) for e, k in TAILS]
    return tuple(rows)


def _level(mean: Callable[[float], float], target: float, guess: float) -> float:
    """x with mean(x) = target, for a mean that grows with x, by bisection round ``guess``."""
    low, high = guess - 8.0, guess + 8.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if mean(middle) < target else (low, middle)
    return (low + high) / 2


@lru_cache(maxsize=256)
def level_factors(weight: float) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Log factors by odds, for a slow request (of the candidate, of the stable arm). 0 < weight < 1."""
    q = [weight * t / (weight * t + 1 - weight) for t in ODDS]
    return tuple(math.log(x / weight) for x in q), tuple(math.log((1 - x) / (1 - weight)) for x in q)


@lru_cache(maxsize=64)
def rank_factors(weight: float) -> Factors:
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
