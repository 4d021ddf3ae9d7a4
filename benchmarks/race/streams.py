"""Simulated releases: minutes of requests and errors on both arms, and the errors within a minute one by one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

RATE, WEIGHT, BASE, ALPHA = 200.0, 0.05, 0.001, 0.01  # requests/s, candidate's part, usual error rate, false alarms


@dataclass(frozen=True)
class Cell:
    """``candidate``, ``stable``: error rates from minute ``healthy`` on (before: the usual rate on both)."""

    name: str
    candidate: float
    stable: float = BASE
    healthy: int = 0
    minutes: int = 30

    @property
    def faulty(self) -> bool:
        """Whether the candidate is worse than the stable arm."""
        return self.candidate > self.stable

    @property
    def bound(self) -> float | None:
        """ln(1/α) / KL in seconds: what no test with this false-alarm rate can beat on average, even one that is told
        the usual error rate and the candidate's. The judge is told neither."""
        if not self.faulty:
            return None
        p, p0 = self.candidate, BASE
        information = p * np.log(p / p0) + (1 - p) * np.log((1 - p) / (1 - p0))
        return float(-np.log(ALPHA) / (RATE * WEIGHT * information))


@dataclass(frozen=True)
class Minutes:
    """Counts by release and minute, of (candidate, stable)."""

    requests: tuple[Ints, Ints]
    errors: tuple[Ints, Ints]


def minutes_of(cell: Cell, releases: int, rng: np.random.Generator) -> Minutes:
    """All minutes of all releases of a cell."""
    shape = (releases, cell.minutes)
    late = np.arange(cell.minutes) >= cell.healthy
    requests = tuple(rng.poisson(60 * RATE * part, shape) for part in (WEIGHT, 1 - WEIGHT))
    rates = (np.where(late, cell.candidate, BASE), np.where(late, cell.stable, BASE))
    errors = tuple(rng.binomial(n, p) for n, p in zip(requests, rates, strict=True))
    return Minutes((requests[0], requests[1]), (errors[0], errors[1]))


def errors_within(candidate: Ints, stable: Ints, start: float, rng: np.random.Generator) -> tuple[Floats, Ints]:
    """Times and owners (1 candidate, 0 stable, -1 none) of a minute's errors, by release, in order of time.

    Given their numbers, the moments of Poisson errors are uniform and their order is random.
    """
    total = candidate + stable
    width = max(1, int(total.max(initial=0)))
    times = rng.uniform(start, start + 60, (len(total), width))
    keys = rng.random((len(total), width))
    place = np.arange(width)
    keys[place >= total[:, None]] = 2.0  # the padding sorts last
    times[place >= total[:, None]] = np.inf
    rank = keys.argsort(axis=1).argsort(axis=1)
    owners = np.where(rank < candidate[:, None], 1, 0)
    times.sort(axis=1)
    owners[np.isinf(times)] = -1
    return times, owners


def clustered(per_session: int, releases: int, rng: np.random.Generator, seconds: float) -> tuple[Floats, Ints, Ints]:
    """No fault, sticky sessions: each failing session has ``per_session`` errors within half a minute, all on one arm.

    Times, owners, and 1 where the error is its session's first. The rate of errors is the usual one throughout.
    """
    sessions = rng.poisson(RATE * BASE / per_session * seconds, releases)
    width = max(1, int(sessions.max()))
    begin = np.where(np.arange(width) < sessions[:, None], rng.uniform(0, seconds, (releases, width)), np.inf)
    owner = (rng.random((releases, width)) < WEIGHT).astype(np.int64)
    later = np.sort(rng.exponential(30.0 / per_session, (releases, width, per_session)).cumsum(axis=2), axis=2)
    later -= later[:, :, :1]
    times = (begin[:, :, None] + later).reshape(releases, -1)
    owners = np.repeat(owner, per_session, axis=1)
    first = np.tile(np.arange(per_session) == 0, width)[None, :].repeat(releases, axis=0)
    order = times.argsort(axis=1, kind="stable")
    times, owners, first = (np.take_along_axis(a, order, axis=1) for a in (times, owners, first))
    owners[np.isinf(times)] = -1
    return times, owners, first.astype(np.int64)
