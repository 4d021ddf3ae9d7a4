"""Capital that is bet against "the candidate is no worse", in log space.

A signal starts with capital 1. It is spread over *bets* (how bad), over *hypotheses* (which endpoint classes) and over
*start points* (since when). Each observation multiplies each part by a factor whose mean is at most 1 under the null
hypothesis; so the sum E is an e-process, and by Ville's inequality it ever reaches 1/α with probability at most α,
however often and whenever it is looked at.

Hypotheses: with one class there is one. With several, half of the capital bets that all classes are hit by the same
factor (log factors of all classes add up), the other half, in equal parts, that exactly one of them is. Where a session
has a say in each class (``together=False``), its coin must not be multiplied with itself: then only the latter. Regions
are strata of a class: their factors multiply, since a fault of a release is the same fault everywhere.

Start points cost no memory: for one bet, the parts that entered at different moments meet the same factors from then
on, so their sum obeys A <- (A + part that enters now) x factor.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

ALL = "*"  # the hypothesis that every class is hit; no endpoint class can have this name
NEVER = -math.inf


def log_add(a: float, b: float) -> float:
    """log(exp(a) + exp(b)), without overflow; -inf stands for nothing."""
    high, low = (a, b) if a >= b else (b, a)
    return high if low == NEVER else high + math.log1p(math.exp(low - high))


def log_sum(values: Sequence[float]) -> float:
    """log of the sum of exponentials."""
    high = max(values)
    return high if high == NEVER else high + math.log(sum(math.exp(v - high) for v in values))


class Capital:
    """E of one signal. ``prior``: weights of the bets, summing to 1. ``schedule``: as :class:`StartPoints` gives it."""

    def __init__(
        self,
        classes: Sequence[str],
        prior: Sequence[float],
        schedule: Sequence[tuple[float, float]],
        *,
        together: bool = True,
    ) -> None:
        if not math.isclose(sum(prior), 1) or not math.isclose(sum(part for _, part in schedule), 1):
            raise ValueError("bets and start points must each sum to 1")
        self._schedule = tuple(schedule)
        single = 1.0 if not together else 0.5 if len(classes) > 1 else 0.0
        parts = {h: w for h, w in {ALL: 1 - single, **{c: single / len(classes) for c in classes}}.items() if w > 0}
        self._prior = {h: [math.log(part * p) for p in prior] for h, part in parts.items()}
        self._logs = {h: [NEVER] * len(prior) for h in parts}
        self._began: float | None = None
        self._entered = 0

    def advance(self, at: float) -> None:
        """Let in the capital that is due at ``at`` (epoch seconds); the first call starts the clock."""
        if self._began is None:
            self._began = at
        while self._entered < len(self._schedule) and at - self._began >= self._schedule[self._entered][0]:
            part = math.log(self._schedule[self._entered][1])
            for logs in self._logs.values():
                logs[:] = [log_add(value, part) for value in logs]
            self._entered += 1

    def multiply(self, endpoint: str, log_factors: Sequence[float]) -> None:
        """Settle one observation of ``endpoint``: one log factor per bet, finite. Call :meth:`advance` before."""
        if not all(map(math.isfinite, log_factors)):
            raise ValueError(f"a factor is not finite: {list(log_factors)}")
        for hypothesis in (ALL, endpoint):
            logs = self._logs.get(hypothesis)
            if logs is not None:
                logs[:] = [value + step for value, step in zip(logs, log_factors, strict=True)]

    def log_e(self) -> float:
        """Natural log of E: all capital, with what has not entered yet at its face value."""
        waiting = sum(part for _, part in self._schedule[self._entered :])
        terms = [p + v for h, logs in self._logs.items() for p, v in zip(self._prior[h], logs, strict=True)]
        return log_sum([*terms, math.log(waiting) if waiting > 0 else NEVER])

    def dump(self) -> dict[str, Any]:
        """JSON value; None stands for -inf."""
        logs = {h: [None if v == NEVER else v for v in values] for h, values in self._logs.items()}
        return {"began": self._began, "entered": self._entered, "logs": logs}

    def load(self, value: Mapping[str, Any]) -> None:
        """Resume from :meth:`dump`. Raises ValueError if it is of another shape."""
        logs = {h: [NEVER if v is None else float(v) for v in values] for h, values in value["logs"].items()}
        if {h: len(v) for h, v in logs.items()} != {h: len(v) for h, v in self._logs.items()}:
            raise ValueError("the checkpoint was written with other endpoint classes or bets")
        self._logs, self._began, self._entered = logs, value["began"], int(value["entered"])
