"""Errors of the candidate against those of the stable arm, while both take traffic.

The router's split is a coin: under "the candidate is no worse", an error in a region where the candidate has weight w
is the candidate's with probability at most w, whatever the common error rate does; drift that hits both arms cancels.
With margin m ("up to m times the odds"), w becomes wm / (wm + 1 - w). A bet that the candidate's odds are t times that
multiplies by q/w when the error is the candidate's and by (1-q)/(1-w) when it is not, with q = wt / (wt + 1 - w).
The w in force when the request was routed is used, so a change of weight multiplies on.

The unit is the session. Sessions stick to an arm, so a session's second error is not another coin: only its *first*
judged error counts, once over all endpoint classes, regions and arms. A session that meets both arms (the weight grew
under it) counts at the arm and weight of that first error; its point on the ring is uniform whatever its errors, so at
that moment it is the candidate's with probability w. It does not count again on the other arm: knowing where it was,
the coin would no longer be w. Errors before the comparison began (w = 0, warm-up) do not spend a session. A request
without a session is a unit of its own. Failed sessions are remembered as :class:`~tidegate.judge.sessions.Spent` says.

Assumed: the arm has no influence on whether a session exists, and sessions fail independently of where others went.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from tidegate.judge.capital import Capital
from tidegate.judge.seen import Seen
from tidegate.judge.sessions import Spent
from tidegate.judge.settings import JudgeSettings

BETS = (2.0, 4.0, 10.0, 30.0, 120.0, 500.0)  # odds of the candidate over those allowed
PRIOR = (0.15, 0.2, 0.2, 0.15, 0.15, 0.15)


def with_margin(weight: float, margin: float) -> float:
    """The highest chance of an error being the candidate's that is still allowed."""
    return weight * margin / (weight * margin + 1 - weight)


@lru_cache(maxsize=256)
def log_factors(weight: float, margin: float) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Log factors of the bets for an error (of the candidate, of the stable arm). 0 < weight < 1."""
    w = with_margin(weight, margin)
    q = [w * t / (w * t + 1 - w) for t in BETS]
    return tuple(math.log(x / w) for x in q), tuple(math.log((1 - x) / (1 - w)) for x in q)


class ErrorComparison:
    """The e-process of the errors. Feed it every comparable request, in the order read."""

    def __init__(self, settings: JudgeSettings) -> None:
        self._margin = settings.margin_errors
        self._capital = Capital(settings.endpoints, PRIOR, settings.starts.schedule())
        self._spent = Spent()
        self.units = {"candidate": 0, "stable": 0}

    def observe(self, seen: Seen, at: float) -> None:
        """``at``: the reader's progress in epoch seconds, never going back."""
        self._capital.advance(at)
        if not seen.failed or not (seen.session is None or self._spent.first(seen.session, at)):
            return
        candidate, stable = log_factors(seen.weight, self._margin)
        self._capital.multiply(seen.endpoint, candidate if seen.candidate else stable)
        self.units[seen.role] += 1

    def log_e(self) -> float:
        """Natural log of E."""
        return self._capital.log_e()

    def figures(self) -> dict[str, float]:
        """First errors that counted, by arm."""
        return {"candidate_units": self.units["candidate"], "stable_units": self.units["stable"]}

    def dump(self) -> dict[str, Any]:
        return {"capital": self._capital.dump(), "spent": self._spent.dump(), "units": dict(self.units)}

    def load(self, value: Mapping[str, Any]) -> None:
        self._capital.load(value["capital"])
        self._spent = Spent.load(value["spent"])
        self.units = dict(value["units"])
