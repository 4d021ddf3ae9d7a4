"""How long each gate of a promotion waits for its evidence at the traffic that the policy declares. Pure.

Counts what :mod:`tidegate.judge.gate` counts: requests, sessions and requests by class since the candidate's first in
the gate's region; at full weight only requests at full weight; the bound on "not worse by" over what was compared in
every region, for a candidate that is exactly as good as stable. Sessions stick: of ``sessions`` live ones a weight
takes its part at once, and further ones as they come.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from tidegate.judge.bounds import Stratum, difference
from tidegate.model.traffic import TOTAL
from tidegate.policy.quantities import proportion_text
from tidegate.policy.schema import Policy, StepEvidence, Traffic

NEVER = math.inf
_LONG = 30 * 86400.0  # seconds; a gate that needs more than this is never fed


@dataclass(frozen=True)
class Stay:
    """A time at one weight in one region. ``weight``: the candidate's part of the region, 0 to 1."""

    region: str
    share: float
    weight: float
    seconds: float


@dataclass(frozen=True)
class GateForecast:
    """``needs``: what is asked for, and the seconds until each is there (``inf``: never). ``history``: the stays before
    this gate opens, its own included."""

    wave: int
    region: str
    weight: int
    needs: tuple[tuple[str, float], ...]
    history: tuple[Stay, ...]

    @property
    def seconds(self) -> float:
        """Until the last of its needs is met."""
        return max((seconds for _, seconds in self.needs), default=0.0)

    @property
    def slowest(self) -> str:
        return max(self.needs, key=lambda need: need[1])[0]


def gate_forecasts(policy: Policy, traffic: Traffic) -> tuple[GateForecast, ...]:
    """Every evidence gate in the order of the plan, each opening as soon as it can."""
    promotion = policy.promotion
    forecasts: list[GateForecast] = []
    stays: list[Stay] = []
    for wave, region in enumerate(promotion.waves, start=1):
        share = policy.shares[region] / TOTAL
        for weight in promotion.steps if wave == 1 else (promotion.later_steps or promotion.steps):
            needs = tuple(
                _needs(policy, traffic, promotion.evidence[weight], stays, Stay(region, share, weight / TOTAL, 0))
            )
            seconds = max(s for _, s in needs)
            stays.append(Stay(region, share, weight / TOTAL, min(seconds, promotion.gate_within)))
            forecasts.append(GateForecast(wave, region, weight, needs, tuple(stays)))
    return tuple(forecasts)


def bake_seconds(policy: Policy, traffic: Traffic) -> float:
    """Until the bake has lasted and its requests are in."""
    return max(policy.promotion.bake.lasts, policy.promotion.bake.requests / traffic.rate)


def _needs(
    policy: Policy, traffic: Traffic, asked: StepEvidence, before: list[Stay], here: Stay
) -> Iterator[tuple[str, float]]:
    full = here.weight == 1
    mine = [] if full else [s for s in before if s.region == here.region]
    rate = traffic.rate * here.share * here.weight
    first = not any(s.region == here.region for s in before)
    yield f"{asked.requests} requests", _until(asked.requests - _requests(traffic, mine), rate)
    if not full and first:
        yield "the warm-up", policy.promotion.warm_up
    if asked.sessions:
        yield f"{asked.sessions} sessions", _sessions_until(traffic, asked.sessions, here, before)
    region = [s for s in before if s.region == here.region]
    classes = asked.endpoints or policy.judged_endpoints
    for name in classes if asked.per_endpoint else ():
        part = traffic.mix.get(name, 0) / TOTAL
        missing = asked.per_endpoint - _requests(traffic, region) * part
        yield f"{asked.per_endpoint} {name} requests", _until(missing, rate * part)
    if asked.not_worse_by is not None:
        for name in classes:
            wanted = f"{name} not worse by {proportion_text(asked.not_worse_by)} at {proportion_text(asked.confidence)}"
            yield wanted, _bound_until(policy, traffic, name, asked, [*before, here])


def _requests(traffic: Traffic, stays: list[Stay]) -> float:
    return sum(traffic.rate * s.share * s.weight * s.seconds for s in stays)


def _until(missing: float, rate: float) -> float:
    if missing <= 0:
        return 0.0
    return missing / rate if rate > 0 else NEVER


def _sessions_until(traffic: Traffic, wanted: int, here: Stay, before: list[Stay]) -> float:
    arrivals = traffic.sessions / traffic.session_length
    gone = sum(arrivals * s.share * s.weight * s.seconds for s in before if s.region == here.region)
    live = traffic.sessions * here.share * here.weight
    return _until(wanted - gone - live, arrivals * here.share * here.weight)


def _bound_until(policy: Policy, traffic: Traffic, endpoint: str, asked: StepEvidence, stays: list[Stay]) -> float:
    """Seconds at the last stay until the bound is met, by bisection; the warm-up of each region is not judged."""
    assert asked.not_worse_by is not None
    limit = asked.not_worse_by
    *before, here = stays

    def met(seconds: float) -> bool:
        past = [*before, Stay(here.region, here.share, here.weight, seconds)]
        bound = difference(_strata(policy, traffic, endpoint, past), asked.confidence)
        return bound is not None and bound.upper < limit

    if met(0):
        return 0.0
    low, high = 0.0, 1.0
    while not met(high):
        low, high = high, high * 2
        if high > _LONG:
            return NEVER
    for _ in range(12):
        middle = (low + high) / 2
        low, high = (low, middle) if met(middle) else (middle, high)
    return high


def _strata(policy: Policy, traffic: Traffic, endpoint: str, stays: list[Stay]) -> list[Stratum]:
    part = traffic.mix.get(endpoint, 0) / TOTAL
    strata: list[Stratum] = []
    warm: set[str] = set()
    for stay in stays:
        seconds = stay.seconds if stay.region in warm else max(0.0, stay.seconds - policy.promotion.warm_up)
        warm.add(stay.region)
        requests = traffic.rate * stay.share * part * seconds
        if requests > 0:
            mine, theirs = requests * stay.weight, requests * (1 - stay.weight)
            errors = [mine * traffic.errors, theirs * traffic.errors]
            strata.append(Stratum(stay.region, mine, errors[0], errors[0], theirs, errors[1], errors[1]))
    return strata
