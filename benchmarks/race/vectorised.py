"""The judge's capital for many releases at once; ``tests/unit/judge/test_race.py`` holds it to the judge's own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmarks.race.streams import Floats, Ints
from tidegate.judge import errors
from tidegate.judge.settings import StartPoints

AT_ONCE = StartPoints(first=1.0)  # all capital at the first request: no start-point mixture


class Capitals:
    """One row per release, one endpoint class. Time 0 is the first comparable request."""

    def __init__(self, releases: int, prior: Sequence[float], starts: StartPoints, alpha: float) -> None:
        self._log_prior = np.log(prior)
        self._schedule = starts.schedule()
        self._logs = np.full((releases, len(prior)), -np.inf)
        self._entered = 0
        self._threshold = -np.log(alpha)
        self.log_e = np.zeros(releases)
        self.crossed = np.full(releases, np.inf)

    @property
    def open(self) -> Ints:
        """Rows that have not crossed."""
        return np.flatnonzero(np.isinf(self.crossed))

    def feed(self, rows: Ints, times: Floats, steps: Floats, until: float) -> None:
        """Settle what happens before ``until``: ``times`` by row and event in order (inf: none), ``steps`` the log
        factors by row, event and bet."""
        done = -np.inf
        while self._entered < len(self._schedule) and self._schedule[self._entered][0] < until:
            due, part = self._schedule[self._entered]
            self._settle(rows, times, steps, done, due)
            self._logs = np.logaddexp(self._logs, np.log(part))
            self._entered, done = self._entered + 1, due
        self._settle(rows, times, steps, done, until)

    def _settle(self, rows: Ints, times: Floats, steps: Floats, after: float, before: float) -> None:
        inside = (times >= after) & (times < before)
        if not inside.any():
            return
        path = np.cumsum(np.where(inside[:, :, None], steps, 0.0), axis=1) + self._logs[rows][:, None, :]
        waiting = sum(part for _, part in self._schedule[self._entered :])
        terms = path + self._log_prior
        top = np.maximum(terms.max(axis=2), np.log(waiting) if waiting > 1e-12 else -np.inf)
        log_e = top + np.log(np.exp(terms - top[:, :, None]).sum(axis=2) + max(waiting, 0.0) * np.exp(-top))
        self._logs[rows] = path[:, -1, :]
        self.log_e[rows] = log_e[:, -1]
        over = inside & (log_e >= self._threshold)
        hit = over.any(axis=1) & np.isinf(self.crossed[rows])
        first = over.argmax(axis=1)
        self.crossed[rows[hit]] = times[np.flatnonzero(hit), first[hit]]


def error_steps(owners: Ints, weight: float, margin: float) -> Floats:
    """Log factors of the error bets for each event; 0 for padding."""
    candidate, stable = (np.array(row) for row in errors.log_factors(weight, margin))
    table = np.stack([stable, candidate, np.zeros_like(stable)])  # -1 takes the last
    return np.asarray(table[owners], dtype=np.float64)
