"""What is measured: false alarms with their interval, delays over the bound."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.race import rivals
from benchmarks.race.streams import (
    ALPHA,
    BASE,
    WEIGHT,
    Cell,
    Floats,
    Ints,
    Minutes,
    clustered,
    errors_within,
    minutes_of,
)
from benchmarks.race.vectorised import AT_ONCE, Capitals, error_steps
from tidegate.judge.bounds import lower_limit, upper_limit
from tidegate.judge.errors import PRIOR
from tidegate.judge.settings import StartPoints

VARIANTS = {
    "judge": (AT_ONCE, 1.0),
    "judge, start points": (StartPoints(), 1.0),
    "judge, start points, margin 1.5": (StartPoints(), 1.5),
}
RULES = {"Flagger's rule": rivals.flagger, "Argo's rule": rivals.argo, "Kayenta's rule": rivals.kayenta}
AT_A_TIME = 500  # releases, to bound memory


@dataclass(frozen=True)
class Row:
    """One rule in one cell. ``alarms``: releases that it rolled back though the candidate was no worse, or before the
    fault began, with the exact 95 % interval of their part. Delays: seconds from the fault on, of those detected."""

    cell: str
    rule: str
    releases: int
    alarms: int
    alarm_interval: tuple[float, float]
    detected: int | None
    mean: float | None
    median: float | None
    p90: float | None
    over_bound: float | None


def judged(minutes: Minutes, starts: StartPoints, margin: float, seed: int) -> Floats:
    """Seconds at which the error comparison crosses, by release."""
    rng, releases = np.random.default_rng(seed), len(minutes.errors[0])
    chunks = [slice(n, n + AT_A_TIME) for n in range(0, releases, AT_A_TIME)]
    parts = [_judged((minutes.errors[0][c], minutes.errors[1][c]), starts, margin, rng) for c in chunks]
    return np.concatenate(parts)


def _judged(errors: tuple[Ints, Ints], starts: StartPoints, margin: float, rng: np.random.Generator) -> Floats:
    releases, length = errors[0].shape
    capital = Capitals(releases, PRIOR, starts, ALPHA)
    for minute in range(length):
        candidate, stable = (e[:, minute] for e in errors)
        rows = capital.open
        if not len(rows):
            break
        times, owners = errors_within(candidate[rows], stable[rows], 60.0 * minute, rng)
        steps = error_steps(owners, WEIGHT, margin)
        capital.feed(rows, times, steps, until=60.0 * (minute + 1))
    return capital.crossed


def race(cell: Cell, releases: int, seed: int) -> list[Row]:
    """All rules on the same streams."""
    minutes = minutes_of(cell, releases, np.random.default_rng(seed))
    rows = [row_of(cell, name, judged(minutes, *how, seed + 1)) for name, how in VARIANTS.items()]
    return rows + [row_of(cell, name, rule(minutes)) for name, rule in RULES.items()]


def sticky(per_session: int, releases: int, seed: int, seconds: float = 1800.0) -> list[Row]:
    """No fault, errors clustered in sticky sessions: counted by session, as the judge does, and by request."""
    times, owners, first = clustered(per_session, releases, np.random.default_rng(seed), seconds)
    rows = []
    for rule, counted in (("judge", np.where(first == 1, owners, -1)), ("judge, if it counted requests", owners)):
        found = []
        for n in range(0, releases, AT_A_TIME):
            mine = slice(n, n + AT_A_TIME)
            capital = Capitals(len(times[mine]), PRIOR, AT_ONCE, ALPHA)
            steps = error_steps(counted[mine], WEIGHT, 1.0)
            capital.feed(np.arange(len(times[mine])), times[mine], steps, until=seconds)
            found.append(capital.crossed)
        name = f"no fault, sticky sessions with {per_session} errors each"
        rows.append(row_of(Cell(name, BASE), rule, np.concatenate(found)))
    return rows


def row_of(cell: Cell, rule: str, seconds: Floats, bound: float | None = None) -> Row:
    """Figures of one rule from the moments at which it rolled back."""
    begin = 60.0 * cell.healthy
    limit = bound or cell.bound
    alarms = int((seconds < begin).sum()) if limit else int(np.isfinite(seconds).sum())
    interval = (lower_limit(alarms, len(seconds), 0.975), upper_limit(alarms, len(seconds), 0.975))
    if not limit:
        return Row(cell.name, rule, len(seconds), alarms, interval, None, None, None, None, None)
    delays = seconds[np.isfinite(seconds) & (seconds >= begin)] - begin
    if not len(delays):
        return Row(cell.name, rule, len(seconds), alarms, interval, 0, None, None, None, None)
    mean, median, p90 = float(delays.mean()), float(np.median(delays)), float(np.quantile(delays, 0.9))
    return Row(cell.name, rule, len(seconds), alarms, interval, len(delays), mean, median, p90, mean / limit)
