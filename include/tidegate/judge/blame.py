"""Which classes of endpoints fail, by what was counted of each: the ground on which one component is held guilty. Pure.

A class fails if the lower limit of its failing part (Clopper and Pearson, at :data:`CONFIDENCE`) lies above what it is
held against: the stable arm's upper limit while there are two arms, what it may lose where there is one. So a class
with a few stray failures does not hide which one is guilty, and one that is hardly used is found as soon as all of it
fails. What is said here decides how far a rollback goes, never whether there is one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tidegate.judge.bounds import lower_limit, upper_limit

CONFIDENCE = 0.95
TOLD = frozenset({"errors", "availability", "history"})  # signals of failures, which are counted by class


def failing(counts: Mapping[str, tuple[int, int]], allowed: Mapping[str, float]) -> tuple[str, ...]:
    """``counts``: class -> (requests, failures). ``allowed``: the part of each that may fail; a class without is not
    held against anything."""
    found = ((name, lower_limit(bad, n, CONFIDENCE) if n else 0.0) for name, (n, bad) in counts.items())
    return tuple(name for name, least in found if name in allowed and least > allowed[name])


def failing_of_canary(document: Mapping[str, Any], error_budget: float) -> tuple[str, ...]:
    """The classes that the candidate fails, by the judge's evidence document. Empty where another signal than one of
    failures crossed first: then nobody has counted by class what it saw."""
    crossed = [str(one["signal"]) for one in document["crossed"]]  # the first first; a failure is slow as well
    if not crossed or crossed[0] not in TOLD:
        return ()
    candidate, stable = _compared(document["compared"], "candidate"), _compared(document["compared"], "stable")
    against = {name: upper_limit(bad, n, CONFIDENCE) for name, (n, bad) in stable.items() if n}
    beside = failing(candidate, against)
    alone = failing(_of_candidate(document["regions"]), dict.fromkeys(document["endpoints"], error_budget))
    return tuple(sorted({*beside, *alone})) if "availability" in crossed else tuple(sorted(beside))


def _compared(rows: Sequence[Mapping[str, Any]], arm: str) -> dict[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    for row in rows:
        n, bad = found.get(row["endpoint"], (0, 0))
        found[row["endpoint"]] = n + row[arm]["requests"], bad + row[arm]["errors"]
    return found


def _of_candidate(regions: Mapping[str, Mapping[str, Any]]) -> dict[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    for region in regions.values():
        for name, cell in region["candidate"]["endpoints"].items():
            n, bad = found.get(name, (0, 0))
            found[name] = n + cell["requests"], bad + cell["errors"]
    return found
