"""What was counted: exposure by region, arm and endpoint class, and the side-by-side counts that bounds are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tidegate.judge.objective import burn
from tidegate.judge.seen import Seen
from tidegate.judge.sessions import Distinct, Recent, Spent
from tidegate.judge.settings import JudgeSettings

ROLES = ("candidate", "stable")
RATE_WINDOW = 15.0  # seconds over which present rates are taken


@dataclass
class Cell:
    """One region, arm and endpoint class. ``requests`` counts from the first, warm-up included."""

    requests: int = 0
    errors: int = 0
    first_at: float | None = None
    last_at: float | None = None
    sessions: Distinct = field(default_factory=Distinct)
    recent: Recent = field(default_factory=Recent)

    def add(self, seen: Seen) -> None:
        self.requests += 1
        self.errors += seen.failed
        self.first_at = seen.started if self.first_at is None else min(self.first_at, seen.started)
        self.last_at = seen.ended if self.last_at is None else max(self.last_at, seen.ended)
        self.recent.add(seen.ended, seen.failed)
        if seen.session is not None:
            self.sessions.add(seen.session)

    def dump(self) -> dict[str, Any]:
        counts = {"requests": self.requests, "errors": self.errors, "first_at": self.first_at, "last_at": self.last_at}
        return {**counts, "sessions": self.sessions.dump(), "recent": self.recent.dump()}

    @classmethod
    def load(cls, value: Mapping[str, Any]) -> Cell:
        distinct, recent = Distinct(list(value["sessions"])), Recent.load(value["recent"])
        return cls(value["requests"], value["errors"], value["first_at"], value["last_at"], distinct, recent)


class Tally:
    """All cells, and the compared counts: by endpoint, region and weight in force, per arm requests, errors and units
    (errors that were the first of their session in that class)."""

    def __init__(self, settings: JudgeSettings) -> None:
        self._settings = settings
        self._cells: dict[str, Cell] = {}  # "region role endpoint"
        self._compared: dict[str, dict[str, list[int]]] = {}  # "endpoint region basis points" -> role -> counts
        self._failed = Spent()
        self.first_candidate_at: dict[str, float] = {}  # region -> start of the candidate's first request there
        self._stable: dict[
            str, list[float]
        ] = {}  # region -> progress at the stable arm's first and last request, count

    def expose(self, seen: Seen, at: float) -> None:
        """Count a request, whatever it is."""
        self._cells.setdefault(f"{seen.region} {seen.role} {seen.endpoint}", Cell()).add(seen)
        if seen.candidate:
            first = self.first_candidate_at.get(seen.region, seen.started)
            self.first_candidate_at[seen.region] = min(first, seen.started)
        else:
            entry = self._stable.setdefault(seen.region, [at, at, 0])
            entry[1:] = at, entry[2] + 1

    def stable_speaks(self, region: str, at: float) -> bool:
        """Whether the region's stable arm has been heard lately: within ``stale_after``, or ten of its usual gaps.

        Without it nothing is compared: a dead stable arm would make the candidate's every error look like its fault,
        and the traffic would be sent back to the dead.
        """
        first, last, count = self._stable.get(region, (at, at, 0))
        return count > 0 and at - last <= max(self._settings.stale_after, 10 * (last - first) / count)

    def compare(self, seen: Seen, at: float) -> None:
        """Count a request that can be compared."""
        key = f"{seen.endpoint} {seen.region} {round(seen.weight * 10_000)}"
        counts = self._compared.setdefault(key, {role: [0, 0, 0] for role in ROLES})[seen.role]
        counts[0] += 1
        if seen.failed:
            counts[1] += 1
            counts[2] += seen.session is None or self._failed.first(f"{seen.endpoint} {seen.session}", at)

    def arm(self, region: str, role: str, now: float) -> dict[str, Any]:
        """The arm's part of the evidence document."""
        prefix = f"{region} {role} "
        cells = {key.removeprefix(prefix): c for key, c in self._cells.items() if key.startswith(prefix)}
        window = self._settings.burn_window
        recent = [c.recent.over(now, window) for c in cells.values()]
        short = burn(sum(r for r, _ in recent), sum(e for _, e in recent), self._settings.error_budget)
        union = Distinct()
        for cell in cells.values():
            union = union | cell.sessions
        return {
            "requests": sum(c.requests for c in cells.values()),
            "errors": sum(c.errors for c in cells.values()),
            "sessions": union.count(),
            "first_at": min((c.first_at for c in cells.values() if c.first_at is not None), default=None),
            "last_at": max((c.last_at for c in cells.values() if c.last_at is not None), default=None),
            "burn": {
                "seconds": window,
                "requests": short.requests,
                "errors": short.errors,
                "rate": short.rate,
                "at_least": short.at_least,
            },
            "endpoints": {name: _cell(c, now) for name, c in sorted(cells.items())},
        }

    def compared(self) -> list[dict[str, Any]]:
        """The side-by-side counts, one row per endpoint, region and weight."""
        rows = []
        for key, counts in sorted(self._compared.items()):
            endpoint, region, weight = key.split(" ")
            arms = {role: dict(zip(("requests", "errors", "units"), counts[role], strict=True)) for role in ROLES}
            rows.append({"endpoint": endpoint, "region": region, "weight": int(weight), **arms})
        return rows

    def prune(self, now: float) -> None:
        for cell in self._cells.values():
            cell.recent.prune(now)

    def dump(self) -> dict[str, Any]:
        cells = {key: cell.dump() for key, cell in self._cells.items()}
        kept = {"compared": self._compared, "first_candidate_at": self.first_candidate_at, "stable": self._stable}
        return {"cells": cells, **kept, "failed": self._failed.dump()}

    def load(self, value: Mapping[str, Any]) -> None:
        self._cells = {key: Cell.load(cell) for key, cell in value["cells"].items()}
        self._compared = {key: {r: list(v) for r, v in row.items()} for key, row in value["compared"].items()}
        self._failed = Spent.load(value["failed"])
        self.first_candidate_at = dict(value["first_candidate_at"])
        self._stable = {region: list(entry) for region, entry in value["stable"].items()}


def _cell(cell: Cell, now: float) -> dict[str, Any]:
    requests, _ = cell.recent.over(now, RATE_WINDOW)
    return {
        "requests": cell.requests,
        "errors": cell.errors,
        "sessions": cell.sessions.count(),
        "per_second": round(requests / RATE_WINDOW, 3),
    }
