"""Latency cells: the judge's rank bets on simulated requests, one release after the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from benchmarks.race.streams import ALPHA, RATE, WEIGHT, Floats, Ints
from benchmarks.race.vectorised import Capitals
from tidegate.judge import ranks
from tidegate.judge.latency import ENOUGH, WINDOW
from tidegate.judge.settings import StartPoints

SIGMA = 0.5  # of the logarithm of a latency
BLOCK = 2_000  # requests ranked at once
Change = Callable[[Floats, np.random.Generator], Floats]


@dataclass(frozen=True)
class LatencyCell:
    """``change``: what the candidate does to latencies, given as factors of the median. ``session_part``: None if every
    request is a unit of its own; else requests belong to sticky sessions, and that part of the variance is theirs."""

    name: str
    change: Change | None
    session_part: float | None = None
    seconds: float = 120.0
    parts: tuple[tuple[float, float], ...] = ()  # (part of the candidate's requests, factor), for the bound

    @property
    def bound(self) -> float | None:
        """Seconds, from the candidate's density against the stable one's, were both known: ln(1/α) / (w rate KL)."""
        if not self.parts:
            return None
        x = np.linspace(-6, 12, 200_001)
        density = [part * np.exp(-((x - np.log(factor) / SIGMA) ** 2) / 2) for part, factor in self.parts]
        f1, f0 = sum(density), np.exp(-(x**2) / 2)
        information = float(np.sum(f1 * np.log(f1 / f0)) / np.sum(f0))
        return float(-np.log(ALPHA) / (WEIGHT * RATE * information))


def _some(part: float, factor: float) -> Change:
    return lambda x, rng: np.where(rng.random(len(x)) < part, x * factor, x)


CELLS = (
    LatencyCell("no fault", None, seconds=180),
    LatencyCell("no fault, 30% of the variance is the session's", None, session_part=0.3, seconds=180),
    LatencyCell("x1.2 on all", _some(1.0, 1.2), parts=((1.0, 1.2),)),
    LatencyCell("x2 on all", _some(1.0, 2.0), parts=((1.0, 2.0),)),
    LatencyCell("x2 on 10%", _some(0.1, 2.0), parts=((0.9, 1.0), (0.1, 2.0)), seconds=240),
    LatencyCell("x5 on 10%", _some(0.1, 5.0), parts=((0.9, 1.0), (0.1, 5.0))),
    LatencyCell("x5 on 10%, sticky sessions", _some(0.1, 5.0), 0.0, parts=((0.9, 1.0), (0.1, 5.0)), seconds=240),
)


def crossings(
    cell: LatencyCell, releases: int, starts: StartPoints, rng: np.random.Generator, *, by_request: bool = False
) -> Floats:
    """Seconds at which each release crosses; inf if it does not within the cell's seconds. ``by_request``: as if every
    request were a unit of its own, which the judge does not do."""
    found = [_crossing(cell, starts, rng, by_request) for _ in range(releases)]
    return np.array(found)


def _crossing(cell: LatencyCell, starts: StartPoints, rng: np.random.Generator, by_request: bool) -> float:
    capital = Capitals(1, ranks.PRIOR, starts, ALPHA)
    times = np.cumsum(rng.exponential(1 / RATE, int(RATE * cell.seconds)))
    owners, values, sessions = requests_of(cell, times, rng)
    unit = np.arange(len(times)) if by_request else sessions
    draws = rng.random(len(times))
    before = Risk(unit)
    for start in range(0, len(times), BLOCK):
        stop = min(start + BLOCK, len(times))
        mine = slice(start, stop)
        steps = bet_steps(rank_of(values, start, stop, draws[mine]), owners[mine], *before.look(start, stop))
        capital.feed(np.array([0]), times[None, mine], steps[None], until=float(times[stop - 1]) + 1e-9)
        if np.isfinite(capital.crossed[0]):
            break
    return float(capital.crossed[0])


def requests_of(cell: LatencyCell, times: Floats, rng: np.random.Generator) -> tuple[np.ndarray, Floats, Ints]:
    """Owner, latency and session of each request; sticky sessions: 150 at a time, 30 s each."""
    count, part = len(times), cell.session_part or 0.0
    session = np.arange(count)
    if cell.session_part is not None:
        slot = rng.integers(0, 150, count)
        session = slot + 150 * ((times + 30 * slot / 150) // 30).astype(np.int64)
    people = int(session.max()) + 1
    owners = (rng.random(people) < WEIGHT)[session]
    noise = rng.normal(0, SIGMA * np.sqrt(1 - part), count) + rng.normal(0, SIGMA * np.sqrt(part), people)[session]
    values = np.exp(noise)
    if cell.change is not None:
        values[owners] = cell.change(values[owners], rng)
    return owners, values, session


def rank_of(values: Floats, start: int, stop: int, draws: Floats) -> Floats:
    """Rank of requests ``start`` to ``stop``, each among the (up to) 512 before it; NaN where those are too few."""
    first = max(0, start - WINDOW)
    padded = np.concatenate([np.full(WINDOW - (start - first), np.inf), values[first:stop]])
    before = sliding_window_view(padded, WINDOW)[: stop - start]
    known = np.minimum(np.arange(start, stop), WINDOW)
    below = np.count_nonzero(before < values[start:stop, None], axis=1)  # no two are equal here
    rank = (below + draws) / (known + 1)
    return np.where(known >= ENOUGH, rank, np.nan)


class Risk:
    """Which of a session's requests it is, counting the ranked ones; and which levels its session has been slow at."""

    def __init__(self, unit: Ints) -> None:
        order = np.argsort(unit[ENOUGH:], kind="stable")
        ordered = unit[ENOUGH:][order]
        begins = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
        place = np.arange(len(ordered)) - np.repeat(begins, np.diff(np.r_[begins, len(ordered)]))
        self._place = np.zeros(len(unit), dtype=np.int64)
        self._place[ENOUGH:][order] = place
        self._unit = unit
        self._slow = np.zeros((len(ranks.LEVELS), int(unit.max()) + 1), dtype=bool)

    def look(self, start: int, stop: int) -> tuple[Ints, Ints, np.ndarray]:
        """Place in its session and unit of requests ``start`` to ``stop``, and the levels' memory, to be kept up."""
        return self._place[start:stop], self._unit[start:stop], self._slow


@lru_cache(maxsize=1)
def _tables() -> tuple[Floats, Floats]:
    candidate, stable = ranks.rank_factors(WEIGHT)
    return np.array(candidate), np.array(stable)


def bet_steps(rank: Floats, owners: np.ndarray, place: Ints, unit: Ints, slow: np.ndarray) -> Floats:
    """Log factors of all bets by request; marks in ``slow`` the units that were slow."""
    known = ~np.isnan(rank)
    bins = np.minimum(ranks.BINS - 1, (np.nan_to_num(rank) * ranks.BINS).astype(np.int64))
    candidate, stable = _tables()
    by_rank = np.where(owners[:, None], candidate[bins], stable[bins]) * (known & (place == 0))[:, None]
    odds = np.where(owners[:, None], *(np.array(row)[None, :] for row in ranks.level_factors(WEIGHT)))
    columns = [by_rank]
    for level, part in enumerate(ranks.LEVELS):
        may = known & (np.nan_to_num(rank) > 1 - part) & (place < (1 - WEIGHT) / part) & ~slow[level][unit]
        where = np.flatnonzero(may)
        hit = np.zeros(len(rank), dtype=bool)
        hit[where[np.unique(unit[where], return_index=True)[1]]] = True
        slow[level][unit[where]] = True
        columns.append(odds * hit[:, None])
    return np.concatenate(columns, axis=1)
