"""The race measures the judge itself: its vectorised arithmetic equals the judge's, request by request."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.race import latency, streams
from benchmarks.race.__main__ import CELLS, REQUIRED, shortfalls
from benchmarks.race.latency import LatencyCell, Risk, bet_steps, rank_of, requests_of
from benchmarks.race.measure import judged, race, sticky
from benchmarks.race.rivals import argo, flagger, kayenta
from benchmarks.race.streams import WEIGHT, Cell, Minutes, minutes_of
from benchmarks.race.vectorised import AT_ONCE, Capitals, error_steps
from tests.support.judging import START, seen, settings
from tidegate.judge import errors, ranks
from tidegate.judge.errors import ErrorComparison
from tidegate.judge.latency import LatencyComparison, _draw
from tidegate.judge.settings import StartPoints


@pytest.mark.parametrize("starts", [AT_ONCE, StartPoints(every=20, steady=4, growth=1.3, last=200)])
@pytest.mark.parametrize("margin", [1.0, 1.5])
def test_errors_equal_the_judges(starts: StartPoints, margin: float) -> None:
    rng = np.random.default_rng(1)
    times = np.sort(rng.uniform(0, 240, (3, 120)), axis=1)
    times[:, 0] = 0.0
    owners = (rng.random((3, 120)) < 0.15).astype(np.int64)
    fast = Capitals(3, errors.PRIOR, starts, 1e-9)
    for begin in range(0, 240, 60):  # by minutes, as the race does
        inside = (times >= begin) & (times < begin + 60)
        width = int(inside.sum(axis=1).max())
        mine, arms = np.full((3, width), np.inf), np.full((3, width), -1)
        for row in range(3):
            count = int(inside[row].sum())
            mine[row, :count], arms[row, :count] = times[row, inside[row]], owners[row, inside[row]]
        fast.feed(np.arange(3), mine, error_steps(arms, WEIGHT, margin), until=begin + 60.0)
    for row in range(3):
        own = ErrorComparison(settings(endpoints=("checkout",), starts=starts, margin_errors=margin))
        for at, owner in zip(times[row], owners[row], strict=True):
            own.observe(seen(candidate=bool(owner), weight=WEIGHT, failed=True), START + float(at))
        assert fast.log_e[row] == pytest.approx(own.log_e(), abs=1e-6)


def test_the_crossing_is_the_judges() -> None:
    owners = np.ones((1, 12), dtype=np.int64)
    times = np.arange(12.0)[None, :]
    fast = Capitals(1, errors.PRIOR, AT_ONCE, 0.01)
    fast.feed(np.array([0]), times, error_steps(owners, WEIGHT, 1.0), until=60.0)
    own = ErrorComparison(settings(endpoints=("checkout",)))
    for at in range(12):
        own.observe(seen(candidate=True, weight=WEIGHT, failed=True), START + at)
        if own.log_e() >= np.log(100):
            break
    assert fast.crossed[0] == at > 0


@pytest.mark.parametrize("session_part", [None, 0.3])
def test_latency_equals_the_judges(session_part: float | None) -> None:
    cell = replace(latency.CELLS[5], session_part=session_part)
    rng = np.random.default_rng(2)
    times = np.cumsum(rng.exponential(0.05, 1_500))
    owners, values, sessions = requests_of(cell, times, rng)
    values = np.round(values * 40_000, 3)
    assert len(set(values)) == len(values), "the race knows no ties"
    own = LatencyComparison(settings(endpoints=("checkout",)), 1.0)
    draws = []
    for n, at in enumerate(times):
        name = None if session_part is None else f"s{sessions[n]}"
        one = seen(
            candidate=bool(owners[n]), weight=WEIGHT, milliseconds=float(values[n]), session=name, started=float(at)
        )
        draws.append(_draw(one))
        own.observe(one, float(at))
    fast, risk = Capitals(1, ranks.PRIOR, AT_ONCE, 1e-300), Risk(sessions)
    for start in range(0, len(times), 400):
        mine = slice(start, min(start + 400, len(times)))
        rank = rank_of(values, mine.start, mine.stop, np.array(draws)[mine])
        steps = bet_steps(rank, owners[mine], *risk.look(mine.start, mine.stop))
        fast.feed(np.array([0]), times[None, mine], steps[None], until=float(times[mine.stop - 1]) + 1e-9)
    assert fast.log_e[0] == pytest.approx(own.log_e(), abs=1e-6)


def test_a_small_race_meets_what_is_required() -> None:
    rows = [row for n, cell in enumerate(CELLS[:6]) for row in race(cell, 250, seed=n)]
    assert set(REQUIRED) <= {row.cell for row in rows}
    wide = [row for row in rows if row.rule == "judge" and row.cell in REQUIRED]
    assert all((row.over_bound or 99) < 1.25 * REQUIRED[row.cell] for row in wide), wide
    quiet = [row for row in rows if row.cell in (CELLS[0].name, CELLS[1].name) and row.rule.startswith("judge")]
    assert all(row.alarm_interval[0] <= 0.01 for row in quiet), quiet
    flaggers = next(row for row in rows if row.cell == CELLS[1].name and row.rule == "Flagger's rule")
    assert flaggers.alarms == flaggers.releases, "a fault of both arms is blamed on the candidate by its own series"


def test_counting_requests_of_sticky_sessions_breaks_the_rate() -> None:
    by_session, by_request = sticky(20, 300, seed=1)
    assert by_session.alarm_interval[0] <= 0.01 < by_request.alarm_interval[0]


def test_the_start_point_mixture_pays_after_health() -> None:
    cell = Cell("late", 0.02, healthy=10, minutes=16)
    minutes = minutes_of(cell, 120, np.random.default_rng(3))
    plain, mixed = (judged(minutes, starts, 1.0, 4) - 600 for starts in (AT_ONCE, StartPoints()))
    assert mixed[np.isfinite(mixed)].mean() < 0.8 * plain[np.isfinite(plain)].mean()


def test_a_shortfall_is_reported() -> None:
    rows = [replace(row, over_bound=9.0) for row in race(CELLS[5], 50, seed=1) if row.rule == "judge"]
    assert any("50%: mean over bound 9.0" in text for text in shortfalls(rows))
    noisy = [replace(row, alarm_interval=(0.02, 0.03), alarms=125) for row in race(CELLS[0], 50, seed=1)[:1]]
    assert any("125 false alarms" in text for text in shortfalls(noisy))


def minutes(candidate: list[int], stable: list[int], size: int = 600) -> Minutes:
    both = np.array([candidate]), np.array([stable])
    return Minutes((np.full_like(both[0], size), np.full_like(both[1], 19 * size)), both)


def test_rules_of_others_at_their_edges() -> None:
    bad, good = [60] * 30, [0] * 30
    assert flagger(minutes([7] * 4 + good, good + [0] * 4))[0] == np.inf
    assert flagger(minutes([7] * 5 + good, good + [0] * 5))[0] == 300
    assert flagger(minutes([6] * 30, good))[0] == np.inf, "exactly 99 % passes"
    assert argo(minutes(bad, good))[0] == 1200
    assert argo(minutes([25] * 30, good))[0] == np.inf
    wobbly = [50 + n for n in range(30)]
    assert kayenta(minutes(wobbly, [n % 3 for n in range(30)]))[0] == 300
    assert kayenta(minutes([n % 3 for n in range(30)], wobbly))[0] == np.inf


def test_the_bound_is_the_textbooks() -> None:
    """10 requests/s at 2 % against 0.1 %: KL 0.0411 nats per request."""
    assert Cell("", 0.02).bound == pytest.approx(4.60517 / (10 * 0.041081), rel=1e-3)
    assert Cell("", 0.001).bound is None
    shift = LatencyCell("", None, parts=((1.0, 2.0),)).bound
    assert shift == pytest.approx(4.60517 / (10 * (np.log(2) / latency.SIGMA) ** 2 / 2), rel=1e-3)
    assert streams.ALPHA == 0.01
