"""How a baseline fared lately: what the release after it is held against once no arm of the old one is left."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.judge.bounds import upper_limit
from tidegate.judge.sessions import Spent

KEEP = 60  # minutes
ENOUGH = 100  # requests of a class; with fewer nothing is said of it

Counts = Mapping[str, tuple[int, int]]  # class -> requests that counted, and failures among them


class Past:
    """The last hour of one release, minute by minute and class by class, in the units of
    :class:`tidegate.judge.objective.Objective`: a session's requests count until its first failure."""

    def __init__(self) -> None:
        self._minutes: dict[int, dict[str, list[int]]] = {}
        self._spent = Spent()

    def add(self, endpoint: str, session: str | None, failed: bool, at: float) -> None:
        """``at``: epoch seconds of the request's end."""
        if session is not None and session in self._spent:
            return
        if failed and session is not None:
            self._spent.first(session, at)
        minute = int(at // 60)
        if minute not in self._minutes:
            self._minutes = {m: cells for m, cells in self._minutes.items() if m > minute - KEEP}
            self._minutes.setdefault(minute, {})
        cell = self._minutes[minute].setdefault(endpoint, [0, 0])
        cell[0] += 1
        cell[1] += failed

    def totals(self) -> dict[str, tuple[int, int]]:
        """Class -> requests and failures of the last hour that was seen."""
        found: dict[str, tuple[int, int]] = {}
        for cells in self._minutes.values():
            for endpoint, (requests, failures) in cells.items():
                before = found.get(endpoint, (0, 0))
                found[endpoint] = (before[0] + requests, before[1] + failures)
        return found

    def dump(self) -> dict[str, Any]:
        return {"minutes": {str(m): cells for m, cells in self._minutes.items()}, "spent": self._spent.dump()}

    @classmethod
    def load(cls, value: Mapping[str, Any]) -> Past:
        past = cls()
        past._minutes = {int(m): {e: list(c) for e, c in cells.items()} for m, cells in value["minutes"].items()}
        past._spent = Spent.load(value["spent"])
        return past


def upper_bounds(before: Counts, delta: float) -> dict[str, float]:
    """Class -> what its error part was at most; all of them hold together with probability 1 - ``delta`` (Clopper and
    Pearson's exact limit for each, Bonferroni over the classes). Those with fewer than :data:`ENOUGH` are left out."""
    usable = {name: counts for name, counts in before.items() if counts[0] >= ENOUGH}
    return {
        name: upper_limit(failures, requests, 1 - delta / len(usable)) for name, (requests, failures) in usable.items()
    }
