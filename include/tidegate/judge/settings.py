"""What is judged, and how the one false-alarm rate of a release is divided."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from tidegate.model.topology import Slot

#: Parts of α by signal. They are divided by the sum of those that are on, so α is always spent once and in full: with
#: all of them on errors get 4/10, latency 2/10, the other four 1/10 each. Errors get most: they hurt users most.
ALPHA_PARTS = {"errors": 4, "latency": 2, "availability": 1, "latency_p99": 1, "service": 1, "business": 1}
OPTIONAL = frozenset({"latency", "service", "business"})  # judged if the policy names them


def split_alpha(alpha: float, optional: Collection[str]) -> dict[str, float]:
    """The false-alarm rate of each signal that is on; they sum to ``alpha``. ``optional``: those of
    :data:`OPTIONAL` that are on."""
    on = {name: part for name, part in ALPHA_PARTS.items() if name not in OPTIONAL or name in optional}
    return {name: alpha * part / sum(on.values()) for name, part in on.items()}


@dataclass(frozen=True)
class ServiceObjective:
    """Both arms together against what users were promised (:mod:`tidegate.judge.service`). ``margin``: the error budget
    may burn up to so many times as fast as promised. ``then``: what follows, ``back`` or ``hold``."""

    margin: float = 1.0
    then: str = "back"

    def __post_init__(self) -> None:
        _inside("service.margin", self.margin, 0, 1000)
        if self.then not in ("back", "hold"):
            raise ValueError(f"judge settings: service.then is {self.then!r}, expected 'back' or 'hold'")


@dataclass(frozen=True)
class BusinessRate:
    """What a session brings (:mod:`tidegate.judge.business`): ``name`` in words, e.g. orders per session; successes of
    the class ``endpoint`` in the first ``within`` seconds. The candidate may bring ``margin`` times the stable arm's,
    above 0 and at most 1."""

    name: str
    endpoint: str
    margin: float
    within: float = 60.0

    def __post_init__(self) -> None:
        if not 0 < self.margin <= 1:
            raise ValueError(f"judge settings: business.margin is {self.margin}, expected above 0 and at most 1")
        _inside("business.within", self.within, 0, 86_400.001)


@dataclass(frozen=True)
class StartPoints:
    """Where the capital of a signal enters the game.

    ``first`` of it at the first comparable request; the rest in equal parts at later moments: every ``every`` seconds,
    ``steady`` times, then each ``growth`` times as late as the one before, until ``last`` seconds. The list is finite
    and fixed beforehand, so the sum stays an e-process: capital that has not entered yet counts as 1 : 1.
    Why: long health makes the first start's capital tiny, and a late fault is then seen late (evidence debt).
    """

    first: float = 0.8
    every: float = 60.0
    steady: int = 30
    growth: float = 1.5
    last: float = 21_600.0

    def __post_init__(self) -> None:
        if not 0 < self.first <= 1:
            raise ValueError(f"start points: first is {self.first}, expected above 0 and at most 1")
        if self.every <= 0 or self.steady < 1 or self.growth <= 1:
            raise ValueError(f"start points: need every > 0, steady >= 1 and growth > 1, got {self}")
        if not self.every <= self.last <= 1e7:
            raise ValueError(f"start points: last is {self.last}, expected between {self.every} and 1e7 seconds")

    def schedule(self) -> tuple[tuple[float, float], ...]:
        """(seconds since the first comparable request, part of the capital), in order; parts sum to 1."""
        if self.first == 1:
            return ((0.0, 1.0),)
        later = [self.every * n for n in range(1, self.steady + 1) if self.every * n <= self.last]
        while later[-1] * self.growth <= self.last:
            later.append(later[-1] * self.growth)
        return ((0.0, self.first), *((at, (1 - self.first) / len(later)) for at in later))


@dataclass(frozen=True)
class JudgeSettings:
    """Everything that the judge needs to know beside the observations.

    ``alpha``: false-alarm rate of one release over all signals. ``margin_errors``: the candidate may have up to that
    many times the stable arm's odds of an error. ``margin_latency``: the candidate's latencies are divided by it
    before they are ranked; None turns the latency comparison off. ``endpoints``: the classes that are judged (others
    are counted only). ``warm_up``: seconds after the candidate's first request in a region that are counted, not
    judged. ``stale_after``: age in seconds from which evidence is blind. ``availability``: promised part of requests
    answered without a 5xx. ``latency_p99``: seconds within which 99 % of requests were promised to be answered.
    ``burn_window``: seconds over which the error-budget burn is taken. ``unit``: ``session`` or ``request``, as the
    metrics driver declares; with ``request`` the false-alarm rate is not guaranteed where sessions stick to arms.
    ``service`` and ``business``: None turns the signal off.
    """

    alpha: float
    margin_errors: float
    margin_latency: float | None
    endpoints: tuple[str, ...]
    regions: tuple[str, ...]
    stable_slot: Slot
    availability: float
    latency_p99: float
    warm_up: float = 2.0
    stale_after: float = 5.0
    burn_window: float = 15.0
    unit: str = "session"
    starts: StartPoints = field(default_factory=StartPoints)
    service: ServiceObjective | None = None
    business: BusinessRate | None = None

    def __post_init__(self) -> None:
        _inside("alpha", self.alpha, 0, 0.5)
        _inside("margin_errors", self.margin_errors, 0, 1000)
        if self.margin_latency is not None:
            _inside("margin_latency", self.margin_latency, 0, 1000)
        _inside("availability", self.availability, 0, 1)
        _inside("latency_p99", self.latency_p99, 0, 1e5)
        _inside("stale_after", self.stale_after, 0, 1e5)
        _inside("burn_window", self.burn_window, 0, 60.001)
        if not (math.isfinite(self.warm_up) and self.warm_up >= 0):
            raise ValueError(f"judge settings: warm_up is {self.warm_up}, expected 0 seconds or more")
        if self.unit not in ("session", "request"):
            raise ValueError(f"judge settings: unit is {self.unit!r}, expected 'session' or 'request'")
        if self.business is not None and self.business.endpoint not in self.endpoints:
            raise ValueError(f"judge settings: business.endpoint {self.business.endpoint!r} is not judged")
        for name, values in (("endpoints", self.endpoints), ("regions", self.regions)):
            if not values or len(set(values)) != len(values):
                raise ValueError(f"judge settings: {name} must be named once each and not be empty, got {values}")

    def alphas(self) -> dict[str, float]:
        """False-alarm rate of each signal that is on; they sum to ``alpha`` (see :data:`ALPHA_PARTS`)."""
        given = {"latency": self.margin_latency, "service": self.service, "business": self.business}
        return split_alpha(self.alpha, [name for name, value in given.items() if value is not None])

    @property
    def error_budget(self) -> float:
        """Part of requests that may fail: 1 - availability."""
        return 1 - self.availability

    def to_json(self) -> dict[str, Any]:
        """JSON value."""
        return {
            **asdict(self),
            "endpoints": list(self.endpoints),
            "regions": list(self.regions),
            "stable_slot": str(self.stable_slot),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> JudgeSettings:
        """Inverse of :meth:`to_json`. Raises ValueError, naming keys that are unknown or missing."""
        known = {f.name for f in fields(cls)}
        if set(value) != known:
            raise ValueError(f"judge settings: unknown or missing keys {sorted(set(value) ^ known)}")
        changed = {
            "endpoints": tuple(value["endpoints"]),
            "regions": tuple(value["regions"]),
            "stable_slot": Slot(value["stable_slot"]),
            "starts": StartPoints(**value["starts"]),
            "service": ServiceObjective(**value["service"]) if value["service"] else None,
            "business": BusinessRate(**value["business"]) if value["business"] else None,
        }
        return cls(**{**value, **changed})


def _inside(name: str, value: float, low: float, high: float) -> None:
    if not (math.isfinite(value) and low < value < high):
        raise ValueError(f"judge settings: {name} is {value}, expected between {low} and {high}")
