"""Simulated users of a two-region shop, as the edge's log would show them: sessions that come, stick to an arm, and go.

Used to measure the real judge (:class:`tidegate.judge.fold.Judge`) end to end, request by request.
"""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tidegate.model.observation import Observation
from tidegate.model.topology import Arm, Slot
from tidegate.model.traffic import TOTAL, Split, canary_split

SHARES = {"east": 5_000, "west": 5_000}
Latency = Callable[[random.Random], float]


def usual(rng: random.Random) -> float:
    """Milliseconds: lognormal, median 40."""
    return rng.lognormvariate(math.log(40), 0.5)


def slow_tail(rng: random.Random) -> float:
    """As usual, but the slowest 15 % take three times as long."""
    value = usual(rng)
    return value * 3 if value > 40 * math.exp(0.5 * 1.0364) else value


@dataclass(frozen=True)
class Behaviour:
    """Of one release: probability that a checkout fails, that anything else fails, and the checkouts' latency; that a
    user who wanted to check out only looks on; that a receipt fails."""

    checkout_errors: float = 0.0
    browse_errors: float = 0.0
    latency: Latency = usual
    put_off: float = 0.0
    receipt_errors: float = 0.0


@dataclass(frozen=True)
class Shop:
    """``rate``: requests per second in all. ``sessions``: alive at once, each for ``lifetime`` seconds on average.
    ``receipt_part``: of all requests, to an endpoint that is rarely used."""

    rate: float = 130.0
    sessions: int = 100
    lifetime: float = 30.0
    checkout_part: float = 1 / 3
    receipt_part: float = 0.0
    stable: Behaviour = Behaviour()
    candidate: Behaviour = Behaviour()

    def observations(
        self, weights: Callable[[float], dict[str, int]], seed: int, start: float
    ) -> Iterator[Observation]:
        """Endless, in the order of sending. ``weights``: seconds since start -> region -> basis points."""
        rng = random.Random(seed)  # noqa: S311  a simulation
        due = [(rng.expovariate(self.rate / self.sessions), n) for n in range(self.sessions)]
        ends = [rng.expovariate(1 / self.lifetime) for _ in due]
        points = [rng.randrange(TOTAL) for _ in due]
        names = [f"s{n}" for n in range(self.sessions)]
        born, splits = self.sessions, {}
        heapq.heapify(due)
        while True:
            at, n = heapq.heappop(due)
            if at > ends[n]:  # gone; another one comes
                ends[n], points[n], names[n] = at + rng.expovariate(1 / self.lifetime), rng.randrange(TOTAL), f"s{born}"
                born += 1
            heapq.heappush(due, (at + rng.expovariate(self.rate / self.sessions), n))
            wanted = tuple(sorted(weights(at).items()))
            split = splits.setdefault(wanted, canary_split(SHARES, Slot.A, dict(wanted)))
            yield self._request(rng, start + at, names[n], split, _arm(split, points[n]))

    def _request(self, rng: random.Random, at: float, session: str, split: Split, arm: Arm) -> Observation:
        behaviour = self.candidate if arm.slot is Slot.B else self.stable
        if self.receipt_part and rng.random() < self.receipt_part:
            status = 500 if rng.random() < behaviour.receipt_errors else 200
            return Observation(at, arm, session, "receipt", status, round(usual(rng), 2), 1, split)
        checkout = rng.random() < self.checkout_part
        if checkout and behaviour.put_off:
            checkout = rng.random() >= behaviour.put_off
        failed = rng.random() < (behaviour.checkout_errors if checkout else behaviour.browse_errors)
        milliseconds = round((behaviour.latency if checkout else usual)(rng), 2)
        endpoint = "checkout" if checkout else "browse"
        return Observation(at, arm, session, endpoint, 500 if failed else 200, milliseconds, 1, split)


def _arm(split: Split, point: int) -> Arm:
    for arm, weight in split.weights:
        if point < weight:
            return arm
        point -= weight
    raise AssertionError("a split sums to its total")
