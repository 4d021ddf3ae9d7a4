"""The candidate against what users were promised, where no stable arm is left to compare with (w = 1), and in the bake.

Null hypothesis: in every judged class, each request that counts fails with probability at most the budget p0 (errors:
1 - availability; latency: 1 % above the ``latency_p99`` objective), given all before. The bets are likelihood ratios of
odds t times p0's against p0; their mean is at most 1 for every p <= p0. So the chance of ever blaming a release that
keeps the objective is at most the signal's part of α. It is no comparison: an outage from elsewhere that breaks the
objective does fail the release, and that is meant, since with nothing to compare with the safe side is the old one.
There is no test against history here: a service that never kept its objective should not promise it. (After a
promotion there is one beside these, :mod:`tidegate.judge.vigil`.)

Unit: the session. Requests of a session count until its first failure, which counts once; later ones are not asked.
Sessions are remembered as :class:`~tidegate.judge.sessions.Spent` says.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tidegate.judge.capital import Capital
from tidegate.judge.errors import BETS, PRIOR
from tidegate.judge.seen import Seen
from tidegate.judge.sessions import Spent
from tidegate.judge.settings import JudgeSettings


class Objective:
    """The e-process of one objective. ``budget``: part of requests that may fail it, between 0 and 1."""

    def __init__(self, settings: JudgeSettings, budget: float) -> None:
        worse = [budget * t / (1 - budget + budget * t) for t in BETS]
        self._bad = [math.log(p / budget) for p in worse]
        self._good = [math.log((1 - p) / (1 - budget)) for p in worse]
        self._capital = Capital(settings.endpoints, PRIOR, settings.starts.schedule())
        self._spent = Spent()
        self.requests = 0
        self.failures = 0

    def observe(self, seen: Seen, missed: bool, at: float) -> None:
        """``missed``: this request broke the objective. ``at``: the reader's progress, never going back."""
        self._capital.advance(at)
        if seen.session is not None and seen.session in self._spent:
            return
        self.requests += 1
        self.failures += missed
        if missed and seen.session is not None:
            self._spent.first(seen.session, at)
        self._capital.multiply(seen.endpoint, self._bad if missed else self._good)

    def log_e(self) -> float:
        """Natural log of E."""
        return self._capital.log_e()

    def figures(self) -> dict[str, float]:
        """Requests that counted, and how many of them broke the objective."""
        return {"requests": self.requests, "failures": self.failures}

    def dump(self) -> dict[str, Any]:
        counts = {"requests": self.requests, "failures": self.failures}
        return {"capital": self._capital.dump(), "spent": self._spent.dump(), **counts}

    def load(self, value: Mapping[str, Any]) -> None:
        self._capital.load(value["capital"])
        self._spent = Spent.load(value["spent"])
        self.requests, self.failures = int(value["requests"]), int(value["failures"])


@dataclass(frozen=True)
class Burn:
    """How fast the error budget burns: 1 = as fast as promised. ``at_least``: lower 95 % bound (Wilson), so that one
    error in five requests is not taken for a disaster. With no requests both are None."""

    requests: int
    errors: int
    rate: float | None
    at_least: float | None


def burn(requests: int, errors: int, budget: float) -> Burn:
    """Error-budget burn of ``errors`` in ``requests``; raises ValueError for counts that cannot be."""
    if not 0 <= errors <= requests or not 0 < budget < 1:
        raise ValueError(f"{errors} errors in {requests} requests at a budget of {budget} cannot be")
    if requests == 0:
        return Burn(0, 0, None, None)
    z, p = 1.6448536269514722, errors / requests
    middle = p + z * z / (2 * requests)
    half = z * math.sqrt(p * (1 - p) / requests + z * z / (4 * requests**2))
    lower = max(0.0, (middle - half) / (1 + z * z / requests))
    return Burn(requests, errors, p / budget, lower / budget)
