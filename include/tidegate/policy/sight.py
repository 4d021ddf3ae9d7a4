"""Which fault a promotion's error signal would see, how surely and how soon, at the traffic declared. Pure.

The judge's own bets are followed: under a fault each part of the capital grows by a sum of independent jumps (errors
arrive as a Poisson process), so its logarithm is about normal; the fault is seen once the best part reaches the
threshold. What the other parts add, and what a threshold crossed in between wins, is left out: the figures are a little
dark. The unit is the session's first error.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tidegate.judge.errors import PRIOR, log_factors
from tidegate.judge.settings import StartPoints, split_alpha
from tidegate.model.traffic import TOTAL
from tidegate.policy.foresight import Stay
from tidegate.policy.schema import Policy, Traffic

_LONG = 30 * 86400.0  # seconds
SURE = 0.8  # the chance with which the smallest visible fault is seen


@dataclass(frozen=True)
class Jumps:
    """Of one bet: mean and variance of the growth of its logarithm."""

    mean: float = 0.0
    variance: float = 0.0

    def __add__(self, other: Jumps) -> Jumps:
        return Jumps(self.mean + other.mean, self.variance + other.variance)


def alpha_of(policy: Policy, signal: str) -> float:
    """The signal's part of the release's false-alarm rate."""
    return alphas_of(policy)[signal]


EXPOSURE_PART = 0.5  # of alpha, where a policy shows by flags: for judging those who see what is behind them


def traffic_alpha(policy: Policy) -> float:
    """What is left of the release's false-alarm rate for judging the candidate's traffic."""
    return policy.promotion.alpha - exposure_alpha(policy)


def exposure_alpha(policy: Policy) -> float:
    """The part of it for judging those who see what is behind its flags; divided evenly over the flags it opens."""
    return policy.promotion.alpha * EXPOSURE_PART if policy.promotion.exposure else 0.0


def all_alphas(policy: Policy) -> dict[str, float]:
    """By signal, and what is for judging flags, where the policy shows by them; they sum to its alpha."""
    flags = {"flags": exposure_alpha(policy)} if policy.promotion.exposure is not None else {}
    return {**alphas_of(policy), **flags}


def alphas_of(policy: Policy) -> dict[str, float]:
    """The false-alarm rate of each signal that the policy has on; they sum to what is for the candidate's traffic."""
    signals = policy.promotion.signals
    given = {"latency": signals.latency, "service": signals.service, "business": signals.business}
    return split_alpha(traffic_alpha(policy), [name for name, value in given.items() if value is not None])


def power(policy: Policy, traffic: Traffic, endpoint: str, fault: float, stays: Iterable[Stay]) -> float:
    """Chance that ``fault`` (part of the class's requests that fail beyond the usual) is seen by then."""
    past = [s for s in stays if 0 < s.weight < 1]
    return max(
        _chance(_grown(policy, traffic, endpoint, fault, past, index), _threshold(policy, prior))
        for index, prior in enumerate(PRIOR)
    )


def smallest_fault(policy: Policy, traffic: Traffic, endpoint: str, stays: Sequence[Stay]) -> float | None:
    """The smallest fault that is seen with a chance of :data:`SURE`; None if not even one of all requests would be."""
    low, high = 0.0, 1 - traffic.errors
    if power(policy, traffic, endpoint, high, stays) < SURE:
        return None
    for _ in range(20):
        middle = (low + high) / 2
        enough = power(policy, traffic, endpoint, middle, stays) >= SURE
        low, high = (low, middle) if enough else (middle, high)
    return high


def seconds_to_see(policy: Policy, traffic: Traffic, endpoint: str, fault: float, stay: Stay) -> float:
    """Mean time at one weight until ``fault`` is seen, warm-up included; ``inf`` if it never is."""
    if not _reached(policy, traffic, endpoint, fault, stay, _LONG):
        return math.inf
    low, high = 0.0, 1.0
    while not _reached(policy, traffic, endpoint, fault, stay, high):
        low, high = high, high * 2
    for _ in range(12):
        middle = (low + high) / 2
        enough = _reached(policy, traffic, endpoint, fault, stay, middle)
        low, high = (low, middle) if enough else (middle, high)
    return high


def _reached(policy: Policy, traffic: Traffic, endpoint: str, fault: float, stay: Stay, seconds: float) -> bool:
    """Whether the mean growth has reached the threshold of some bet after ``seconds`` at the stay's weight."""
    past = [Stay(stay.region, stay.share, stay.weight, seconds)]
    return any(
        _grown(policy, traffic, endpoint, fault, past, index).mean >= _threshold(policy, prior)
        for index, prior in enumerate(PRIOR)
    )


def _threshold(policy: Policy, prior: float) -> float:
    """What the bet's logarithm must grow by: 1/α, and the parts by which the capital was divided at the start."""
    classes = len(policy.judged_classes)
    part = 1.0 if classes == 1 else 0.5 / classes
    return -math.log(alpha_of(policy, "errors") * prior * part * StartPoints().first)


def _grown(policy: Policy, traffic: Traffic, endpoint: str, fault: float, stays: Iterable[Stay], index: int) -> Jumps:
    margin, total = policy.promotion.signals.errors.margin, Jumps()
    for weight, candidate, stable in _units(traffic, endpoint, fault, stays, policy.promotion.warm_up):
        of_candidate, of_stable = log_factors(weight, margin)
        up, down = of_candidate[index], of_stable[index]
        total += Jumps(candidate * up + stable * down, candidate * up**2 + stable * down**2)
    return total


def _units(
    traffic: Traffic, endpoint: str, fault: float, stays: Iterable[Stay], warm_up: float
) -> Iterator[tuple[float, float, float]]:
    """Weight, and sessions whose first error fell into the class during the stay: of the candidate, of the stable arm.

    ``unspent`` follows the sessions on the candidate that live and have not failed yet: those that a weight adds are
    all fresh, then they fail, go, and are replaced.
    """
    part = traffic.mix.get(endpoint, 0) / TOTAL
    each = traffic.rate / traffic.sessions  # requests per second of a session
    bad = min(1.0, traffic.errors + fault)
    fails = each * (traffic.errors * (1 - part) + bad * part)
    unspent: dict[str, float] = {}
    weights: dict[str, float] = {}
    for stay in stays:
        judged = max(0.0, stay.seconds - (0.0 if stay.region in weights else warm_up))
        live = traffic.sessions * stay.share
        start = unspent.get(stay.region, 0.0) + live * (stay.weight - weights.get(stay.region, 0.0))
        lived, left = _lived(max(0.0, start), live * stay.weight, fails, 1 / traffic.session_length, judged)
        unspent[stay.region], weights[stay.region] = left, stay.weight
        stable = live * (1 - stay.weight) * judged / (1 + each * traffic.errors * traffic.session_length)
        yield stay.weight, lived * each * part * bad, stable * each * part * traffic.errors


def _lived(start: float, live: float, fails: float, goes: float, seconds: float) -> tuple[float, float]:
    """Session-seconds lived without having failed, and such sessions at the end, of ``start`` at the beginning."""
    rate = fails + goes
    steady = live * goes / rate
    left = steady + (start - steady) * math.exp(-rate * seconds)
    return steady * seconds + (start - left) / rate, left


def _chance(grown: Jumps, threshold: float) -> float:
    if grown.variance <= 0:
        return 0.0
    return 0.5 * math.erfc((threshold - grown.mean) / math.sqrt(2 * grown.variance))
