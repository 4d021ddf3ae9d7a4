"""Both arms together against what users were promised, while an operation is in flight.

A release can break what both arms share: a lock, a database, a queue. Then no comparison blames it, since the stable
arm fails as well, and the users' objective is missed all the same. So the requests of *both* arms are held against the
objective, wherever the stable arm still has weight (at full weight :mod:`tidegate.judge.objective` decides alone).

Null hypothesis: in every judged class each request that counts fails with probability at most ``margin`` times the
error budget, and is slow with probability at most ``margin`` times 1 %. E is the mean of the two likelihood-ratio
capitals (Wald 1945; Ville 1939), each a mixture over classes and start points as there. It never says *why*: an outage
from elsewhere crosses it too. Hence its words: the cause is not proved.

It fires only while the stable arm's own requests speak against the objective too (their own E at least
:data:`SUSPECT`); so a release that breaks nothing but itself is left to the comparison, which can name it. Taking the
lesser of two can only lower the chance of a false alarm: it stays at most the signal's part of α, at every look.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from tidegate.judge.capital import log_add
from tidegate.judge.objective import Objective
from tidegate.judge.seen import Seen
from tidegate.judge.settings import JudgeSettings, ServiceObjective

SUSPECT = 100.0  # of the stable arm alone; a healthy stable arm reaches it in one operation of a hundred at most
SLOW_BUDGET = 0.01  # what "p99" leaves
MOST = 0.5  # a budget above it would be none


class Promise:
    """The two objectives, errors and slow answers, over one stream of requests."""

    def __init__(self, settings: JudgeSettings, margin: float) -> None:
        self._slow_above = settings.latency_p99 * 1000
        self._errors = Objective(settings, min(MOST, settings.error_budget * margin))
        self._slow = Objective(settings, min(MOST, SLOW_BUDGET * margin))

    def observe(self, seen: Seen, at: float) -> None:
        """``at``: the reader's progress, never going back."""
        self._errors.observe(seen, seen.failed, at)
        self._slow.observe(seen, seen.failed or seen.milliseconds > self._slow_above, at)

    def log_e(self) -> float:
        """Natural log of the mean of both capitals."""
        return log_add(self._errors.log_e(), self._slow.log_e()) - math.log(2)

    def figures(self) -> dict[str, float]:
        """Requests that counted (until their session's first failure), failures, slow or failed ones."""
        return {**self._errors.figures(), "slow": self._slow.failures}

    def dump(self) -> dict[str, Any]:
        return {"errors": self._errors.dump(), "slow": self._slow.dump()}

    def load(self, value: Mapping[str, Any]) -> None:
        self._errors.load(value["errors"])
        self._slow.load(value["slow"])


class ServiceSignal:
    """The e-process of the service as a whole. Feed it every judged request at a weight below 1."""

    def __init__(self, settings: JudgeSettings, service: ServiceObjective) -> None:
        self._both, self._stable = Promise(settings, service.margin), Promise(settings, service.margin)
        self._room = -math.log(settings.alphas()["service"]) - math.log(SUSPECT)

    def observe(self, seen: Seen, at: float) -> None:
        """``at``: the reader's progress, never going back."""
        self._both.observe(seen, at)
        if not seen.candidate:
            self._stable.observe(seen, at)

    def log_e(self) -> float:
        """Natural log of E: that of both arms, but no more than the stable arm's own evidence allows."""
        return min(self._both.log_e(), self._stable.log_e() + self._room)

    def figures(self) -> dict[str, float]:
        """Of both arms, and what the stable arm alone says."""
        return {**self._both.figures(), "stable_log10_e": round(self._stable.log_e() / math.log(10), 2)}

    def dump(self) -> dict[str, Any]:
        return {"both": self._both.dump(), "stable": self._stable.dump()}

    def load(self, value: Mapping[str, Any]) -> None:
        self._both.load(value["both"])
        self._stable.load(value["stable"])
