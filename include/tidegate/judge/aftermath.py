"""Are users well again? Judged after a rung of the way back from what they met since its last step. Pure.

There is nothing to compare with, so the bound is absolute: exact one-sided limits of the failing part (Clopper and
Pearson, :mod:`tidegate.judge.bounds`). Each region is judged alone, since a region that fails must not hide behind one
that does not. Blind, stale or too little is never health; and nothing is found ill before there is enough to be found
well either, so that looking often does not find more.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tidegate.judge.bounds import lower_limit, upper_limit
from tidegate.model.verdict import Evidence, SignalReading, Verdict, combine

SLOW_PART = 0.01  # of the requests may be slower than the objective for 99 % of them

Counts = tuple[int, int, int]  # requests, failed, slow


@dataclass(frozen=True)
class HealthRequirement:
    """``requests``: at least so many in each of ``regions``, begun at ``since`` (epoch seconds) or later.
    ``not_above``: the upper bound of the failing part, at ``confidence``."""

    regions: Sequence[str]
    since: float
    requests: int
    not_above: float
    confidence: float


def assess_health(asked: HealthRequirement, document: object, now: float, stale_after: float) -> Evidence:
    """Pass: enough requests in each region, and few enough fail. Fail: more fail, or are slow, than is allowed, proved
    at the same confidence. ``document``: what the guard keeps (:mod:`tidegate.guard.aftermath`), None if nothing."""
    try:
        blind, observed, seconds = _read(document, now, stale_after)
        counted = {name: _sum(seconds, name, asked.since) for name in asked.regions}
    except (KeyError, TypeError, ValueError, IndexError):
        blind, observed, counted = "what the guard keeps of its users cannot be read", None, {}
    if blind:
        reading = SignalReading("users", Verdict.NO_DATA, blind, missing="fresh counts of users by a live guard")
        return Evidence(Verdict.NO_DATA, blind, observed, (reading,))
    readings = tuple(_region(asked, name, counts) for name, counts in counted.items())
    verdict = combine(readings)
    return Evidence(verdict, "; ".join(r.why for r in readings if r.verdict is verdict), observed, readings)


def _read(document: object, now: float, stale_after: float) -> tuple[str, float | None, list[Mapping[str, Any]]]:
    if not isinstance(document, Mapping):
        return "no guard has counted users since the way back began", None, []
    written, observed = float(document["written_at"]), document["observed_at"]
    if not abs(now - written) <= stale_after:
        return f"users were counted last {now - written:.1f} s ago, {stale_after:g} s are allowed", observed, []
    if observed is None or not now - float(observed) <= stale_after:
        return "no request of a user has been seen lately", observed, []
    return "", float(observed), list(document["seconds"])


def _sum(seconds: Sequence[Mapping[str, Any]], region: str, since: float) -> Counts:
    """Whole seconds after ``since`` only: the one in which the step ended belongs to both sides of it."""
    taken = [s["regions"].get(region, (0, 0, 0)) for s in seconds if s["at"] >= math.ceil(since)]
    requests, failed, slow = (sum(int(counts[i]) for counts in taken) for i in range(3))
    return requests, failed, slow


def _region(asked: HealthRequirement, name: str, counts: Counts) -> SignalReading:
    requests, failed, slow = counts
    figures: dict[str, float | int | str | None] = {"requests": requests, "failed": failed, "slow": slow}
    if requests < asked.requests:
        verdict = Verdict.INCONCLUSIVE if requests else Verdict.NO_DATA
        why = f"{name}: {requests} of {asked.requests} requests since the last step"
        return SignalReading(name, verdict, why, figures, f"{asked.requests - requests} more requests in {name}")
    figures["upper"] = round(upper_limit(failed, requests, asked.confidence), 6)
    found = f"{name}: {failed} of {requests} requests failed, {slow} were slow"
    for what, count, limit in (("failing", failed, asked.not_above), ("slow", slow, SLOW_PART)):
        if lower_limit(count, requests, asked.confidence) > limit:
            return SignalReading(name, Verdict.FAIL, f"{found}: the {what} part is above {limit:.2%}", figures)
    if float(figures["upper"] or 0.0) < asked.not_above:
        return SignalReading(name, Verdict.PASS, found, figures)
    why = f"{found}: not proved below {asked.not_above:.2%}"
    return SignalReading(name, Verdict.INCONCLUSIVE, why, figures, f"more requests in {name} that do not fail")


def region_counts(regions: Sequence[str]) -> Iterator[tuple[str, list[int]]]:
    """Zeroes for each region, as a second of the document holds them."""
    for region in regions:
        yield region, [0, 0, 0]
