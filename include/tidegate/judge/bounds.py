"""How much worse the candidate's error proportion may still be, by what was counted side by side.

The bound is MOVER (Zou and Donner 2008; Newcombe's method 10 with other limits): from the difference, the distances of
each proportion to its own one-sided limit, added in squares. The limits are exact (Clopper and Pearson), since Wilson's
are too narrow at zero errors, the usual case here: 299 clean requests bound a proportion by 1 % at 95 %, Wilson claims
it with 268. Stable's proportion is standardised: its strata (region x weight in force) are weighted as the candidate's
requests are, so that a surge while the candidate was small does not flatter it. Where errors cluster in sessions all
counts are divided by the errors per failing session (a design effect).

The confidence is that of one look. A gate looks until it passes; for a candidate that is worse by exactly the limit the
chance of ever passing is larger than 1 - confidence (:func:`tidegate.judge.power.pass_risk` computes it).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Stratum:
    """Requests and errors of both arms under one region and weight; units: first errors of their sessions."""

    region: str
    candidate_requests: float
    candidate_errors: float
    candidate_units: float
    stable_requests: float
    stable_errors: float
    stable_units: float

    def times(self, factor: float) -> Stratum:
        """The same proportions, measured ``factor`` times as long."""
        counts = [factor * getattr(self, f.name) for f in fields(self)[1:]]
        return Stratum(self.region, *counts)


@dataclass(frozen=True)
class Difference:
    """Candidate's proportion less stable's, and its one-sided upper bound; requests that could be used, per arm."""

    candidate: float
    stable: float
    upper: float
    candidate_requests: float
    stable_requests: float


def beta_tail(a: float, b: float, x: float) -> float:
    """Regularised incomplete beta function I_x(a, b), by Lentz's continued fraction."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1 - beta_tail(b, a, 1 - x)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    return front * _fraction(a, b, x) / a


def _fraction(a: float, b: float, x: float) -> float:
    tiny = 1e-300
    c, d = 1.0, 1 / (1 - (a + b) * x / (a + 1) or tiny)
    value = d
    for m in range(1, 1000):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1 / (1 + term * d or tiny)
            c = 1 + term / c or tiny
            value *= c * d
        if abs(c * d - 1) < 1e-13:
            break
    return value


def _beta_quantile(a: float, b: float, p: float) -> float:
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if beta_tail(a, b, middle) < p else (low, middle)
    return (low + high) / 2


def upper_limit(errors: float, requests: float, confidence: float) -> float:
    """Clopper and Pearson's one-sided upper limit of a proportion; counts may be fractions."""
    return 1.0 if errors >= requests else _beta_quantile(errors + 1, requests - errors, confidence)


def lower_limit(errors: float, requests: float, confidence: float) -> float:
    """Clopper and Pearson's one-sided lower limit."""
    return 0.0 if errors <= 0 else _beta_quantile(errors, requests - errors + 1, 1 - confidence)


def difference(strata: Sequence[Stratum], confidence: float) -> Difference | None:
    """The bound over all strata in which both arms took requests; None if there is none."""
    usable = [s for s in strata if s.candidate_requests and s.stable_requests]
    if not usable:
        return None
    requests = sum(s.candidate_requests for s in usable)
    errors = sum(s.candidate_errors for s in usable)
    shares = [s.candidate_requests / requests for s in usable]
    stable = sum(part * s.stable_errors / s.stable_requests for part, s in zip(shares, usable, strict=True))
    effective = 1 / sum(part**2 / s.stable_requests for part, s in zip(shares, usable, strict=True))
    cluster = _cluster(usable)
    up = upper_limit(errors / cluster, requests / cluster, confidence) - errors / requests
    down = stable - lower_limit(stable * effective / cluster, effective / cluster, confidence)
    upper = errors / requests - stable + math.hypot(up, down)
    return Difference(errors / requests, stable, upper, requests, sum(s.stable_requests for s in usable))


def _cluster(strata: Sequence[Stratum]) -> float:
    """Errors per failing session, 1 at least."""
    errors = sum(s.candidate_errors + s.stable_errors for s in strata)
    units = sum(s.candidate_units + s.stable_units for s in strata)
    return max(1.0, errors / units) if units else 1.0


def more_requests(strata: Sequence[Stratum], confidence: float, limit: float) -> int | None:
    """Candidate requests missing for ``upper < limit`` if proportions stay as they are; None if none would suffice."""
    now = difference(strata, confidence)
    if now is None or now.candidate - now.stable >= limit:
        return None
    low, high = 1.0, 2.0
    while not _within([s.times(high) for s in strata], confidence, limit):
        low, high = high, high * 2
        if high > 1e6:
            return None
    for _ in range(20):
        middle = (low + high) / 2
        enough = _within([s.times(middle) for s in strata], confidence, limit)
        low, high = (low, middle) if enough else (middle, high)
    return math.ceil((high - 1) * now.candidate_requests)


def _within(strata: Sequence[Stratum], confidence: float, limit: float) -> bool:
    bound = difference(strata, confidence)
    return bound is not None and bound.upper < limit
