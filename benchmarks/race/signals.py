"""The signals beyond the comparison of errors: false alarms and delays of each, on simulated users of the sample shop.

The judge's own classes are fed. Requests that keep every promise are fed by the number (their factors multiply), and
sessions as they settle: nothing else is left out. 165 requests/s in two regions, three classes, one of them with 0.5 %
of the requests; the sample policy's split of α = 1 %.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from tidegate.judge.bounds import lower_limit, upper_limit
from tidegate.judge.business import BusinessComparison, Count
from tidegate.judge.capital import Capital
from tidegate.judge.errors import PRIOR, log_factors
from tidegate.judge.objective import Objective
from tidegate.judge.past import upper_bounds
from tidegate.judge.service import SUSPECT
from tidegate.judge.settings import BusinessRate, JudgeSettings, ServiceObjective, StartPoints
from tidegate.judge.vigil import DELTA, MARGIN, PARTS
from tidegate.model.topology import Slot

RATE, SESSIONS, ALPHA = 165.0, 200 / 30.0, 0.01  # requests/s, sessions/s, false alarms per release
MIX = {"checkout": 0.33, "receipt": 0.005, "browse": 0.665}
ORDERS = BusinessRate("orders per session", "checkout", 0.9, within=15.0)
SETTINGS = JudgeSettings(
    alpha=ALPHA,
    margin_errors=1.0,
    margin_latency=1.2,
    endpoints=tuple(MIX),
    regions=("east", "west"),
    stable_slot=Slot.A,
    availability=0.999,
    latency_p99=2.0,
    service=ServiceObjective(margin=1.0),
    business=ORDERS,
)
START = 1_000.0  # epoch seconds of every simulated release


@dataclass(frozen=True)
class Row:
    """``alarms``: of ``releases`` in which nothing was wrong, or in which something else was to blame; with the exact
    95 % interval of their part. Delays in seconds, of those found."""

    signal: str
    cell: str
    releases: int
    found: int
    interval: tuple[float, float]
    faulty: bool
    mean: float | None
    median: float | None
    p90: float | None


def measure(signal: str, cell: str, faulty: bool, releases: int, seed: int, one: Callable[[int], float]) -> Row:
    """``one``: a release's seconds to the crossing (``inf``: none), by its seed."""
    seconds = sorted(s for s in (one(seed + n) for n in range(releases)) if math.isfinite(s))
    interval = (lower_limit(len(seconds), releases, 0.975), upper_limit(len(seconds), releases, 0.975))
    figures: tuple[float | None, float | None, float | None] = (None, None, None)
    if faulty and seconds:
        mean = sum(seconds) / len(seconds)
        figures = (round(mean, 1), round(seconds[len(seconds) // 2], 1), round(seconds[int(len(seconds) * 0.9)], 1))
    return Row(signal, cell, releases, len(seconds), interval, faulty, *figures)


Miss = tuple[float, str, bool, dict[str, int]]  # at, class, candidate's; good requests of each class before it


def misses(rng: random.Random, until: float, part: float, rate: float, weight: float, worse: float) -> Iterator[Miss]:
    """Requests that miss a promise: of the stable arm with probability ``part``, of the candidate's with ``worse``."""
    stable, candidate = rate * (1 - weight) * part, rate * weight * worse
    at = 0.0
    while True:
        gap = rng.expovariate(stable + candidate)
        at += gap
        if at > until:
            return
        mine = rng.random() < candidate / (stable + candidate)
        endpoint = rng.choices(list(MIX), list(MIX.values()))[0]
        yield at, endpoint, mine, {name: round(gap * rate * mix) for name, mix in MIX.items()}


def fed(objective: Objective, at: float, endpoint: str, good: dict[str, int], scale: float) -> float:
    """The objective's log E after these good requests (``scale``: the part of them that it sees) and one miss."""
    objective._capital.advance(START + at)
    for name, count in good.items():
        objective._capital.multiply(name, [count * scale * g for g in objective._good])
    objective._capital.multiply(endpoint, objective._bad)
    return objective.log_e()


def service(part: float, worse: float, until: float) -> Callable[[int], float]:
    """Both arms against the objective, the candidate at 25 % of one region. Errors only: half of the capital."""

    def one(seed: int) -> float:
        rng, weight = random.Random(seed), 0.125  # noqa: S311  a simulation
        both, stable = Objective(SETTINGS, SETTINGS.error_budget), Objective(SETTINGS, SETTINGS.error_budget)
        aside: dict[str, int] = dict.fromkeys(MIX, 0)  # good requests that the stable arm's capital has not seen yet
        threshold, e_stable = math.log(2 / SETTINGS.alphas()["service"]), 0.0
        for at, endpoint, mine, good in misses(rng, until, part, RATE, weight, worse):
            e_both = fed(both, at, endpoint, good, 1.0)
            aside = {name: aside[name] + good[name] for name in MIX}
            if not mine:
                e_stable = fed(stable, at, endpoint, aside, 1 - weight)
                aside = dict.fromkeys(MIX, 0)
            if e_both >= threshold and e_stable >= math.log(2 * SUSPECT):
                return at
        return math.inf

    return one


def business(brings: float, weight: float, until: float) -> Callable[[int], float]:
    """Sessions of one region as they settle: five orders on average from a stable one, ``brings`` times that."""

    def one(seed: int) -> float:
        rng = random.Random(seed)  # noqa: S311  a simulation
        comparison, at, n = BusinessComparison(SETTINGS, ORDERS), 0.0, 0
        threshold = -math.log(SETTINGS.alphas()["business"])
        while (at := at + rng.expovariate(SESSIONS / 2)) < until:
            mine, n = rng.random() < weight, n + 1
            pace = rng.gammavariate(2.0, 0.5) * 5.0 * (brings if mine else 1.0)  # users differ
            orders = _poisson(rng, pace)
            comparison._capital.advance(START + at)
            comparison._bet(f"{seed}-{n}", Count("east", mine, weight, START + at, orders), START + at)
            if mine and comparison.log_e() >= threshold:
                return at + ORDERS.within
        return math.inf

    return one


def _poisson(rng: random.Random, mean: float) -> int:
    limit, product, count = math.exp(-mean), rng.random(), 0
    while product > limit:
        product *= rng.random()
        count += 1
    return count


def rare(weight: float, until: float, fails: float, *, by_class: bool = True) -> Callable[[int], float]:
    """Errors of one region; the candidate's receipts fail with ``fails``, all else with 0.1 %."""
    classes = tuple(MIX) if by_class else ("all",)

    def one(seed: int) -> float:
        rng = random.Random(seed)  # noqa: S311  a simulation
        capital = Capital(classes, PRIOR, StartPoints().schedule())
        capital.advance(START)
        usual, mine = RATE / 2 * 0.001, RATE / 2 * weight * MIX["receipt"] * fails
        threshold, at = -math.log(SETTINGS.alphas()["errors"]), 0.0
        factors = log_factors(weight, 1.0)
        while (at := at + rng.expovariate(usual + mine)) < until:
            capital.advance(START + at)
            broken = rng.random() < mine / (usual + mine)
            endpoint = "receipt" if broken else rng.choices(list(MIX), list(MIX.values()))[0]
            candidate = broken or rng.random() < weight
            capital.multiply(endpoint if by_class else "all", factors[0 if candidate else 1])
            if candidate and capital.log_e() >= threshold:
                return at
        return math.inf

    return one


def after(past: float, minutes: float, now: float, until: float) -> Callable[[int], float]:
    """The watch after a promotion: a past of ``minutes`` with an error part of ``past``, then ``now``."""

    def one(seed: int) -> float:
        rng = random.Random(seed)  # noqa: S311  a simulation
        before = {name: _seen(rng, round(RATE * 60 * minutes * mix), past) for name, mix in MIX.items()}
        plain = replace(SETTINGS, service=None, business=None)
        bounds = {n: MARGIN * upper for n, upper in upper_bounds(before, ALPHA * DELTA).items() if MARGIN * upper < 0.5}
        classes = {n: Objective(replace(plain, endpoints=(n,)), budget) for n, budget in bounds.items()}
        promise = Objective(plain, SETTINGS.error_budget)
        e_class, aside = dict.fromkeys(classes, 0.0), dict.fromkeys(MIX, 0)
        for at, endpoint, _, good in misses(rng, until, now, RATE, 0.5, now):
            aside = {name: aside[name] + good[name] for name in MIX}
            if endpoint in classes:
                e_class[endpoint] = fed(classes[endpoint], at, endpoint, {endpoint: aside.pop(endpoint)}, 1.0)
                aside[endpoint] = 0
            e_past = math.log(sum(math.exp(min(e, 600.0)) for e in e_class.values()) / len(classes)) if classes else 0
            if e_past >= -math.log(ALPHA * PARTS["history"]):
                return at
            if fed(promise, at, endpoint, good, 1.0) >= -math.log(ALPHA * PARTS["availability"]):
                return at
        return math.inf

    return one


def _seen(rng: random.Random, requests: int, part: float) -> tuple[int, int]:
    return requests, _poisson(rng, requests * part) if requests * part < 600 else round(requests * part)


CELLS: tuple[tuple[str, str, bool, Callable[[int], float]], ...] = (
    ("service", "nothing wrong: 0.05 % fail, 10 min", False, service(0.0005, 0.0005, 600)),
    ("service", "just as promised: 0.1 % fail, 10 min", False, service(0.001, 0.001, 600)),
    ("service", "the candidate alone fails 10 %, 1 min (not its business)", False, service(0.0005, 0.1, 60)),
    ("service", "both arms fail 0.5 %", True, service(0.005, 0.005, 600)),
    ("service", "both arms fail 2 %", True, service(0.02, 0.02, 600)),
    ("service", "both arms fail 20 %", True, service(0.2, 0.2, 600)),
    ("business", "as many orders, 10 min at 50 %", False, business(1.0, 0.5, 600)),
    ("business", "just the margin: 10 % fewer, 10 min at 50 %", False, business(0.9, 0.5, 600)),
    ("business", "30 % fewer orders, at 50 %", True, business(0.7, 0.5, 1800)),
    ("business", "50 % fewer orders, at 50 %", True, business(0.5, 0.5, 1800)),
    ("business", "50 % fewer orders, at 25 %", True, business(0.5, 0.25, 1800)),
    ("business", "no orders at all, at 5 %", True, business(0.0, 0.05, 1800)),
    ("endpoint", "nothing wrong, 30 min at 25 %", False, rare(0.25, 1800, 0.0)),
    ("endpoint", "0.5 % of the requests fail always, at 5 %", True, rare(0.05, 1800, 1.0)),
    ("endpoint", "0.5 % of the requests fail always, at 25 %", True, rare(0.25, 1800, 1.0)),
    ("endpoint", "0.5 % of the requests fail always, at 50 %", True, rare(0.5, 1800, 1.0)),
    ("endpoint", "the same at 25 %, if classes were not told apart", True, rare(0.25, 1800, 1.0, by_class=False)),
    ("after", "nothing wrong: 0.02 % before and now, 15 min", False, after(0.0002, 60, 0.0002, 900)),
    ("after", "half as much again from elsewhere (0.02 -> 0.03 %), 15 min", False, after(0.0002, 60, 0.0003, 900)),
    ("after", "twice as much from elsewhere (0.02 -> 0.04 %), 15 min", False, after(0.0002, 60, 0.0004, 900)),
    ("after", "three times as much from elsewhere (0.02 -> 0.06 %), 15 min", False, after(0.0002, 60, 0.0006, 900)),
    ("after", "0.02 % before, now 0.2 %", True, after(0.0002, 60, 0.002, 900)),
    ("after", "0.02 % before, now 2 %", True, after(0.0002, 60, 0.02, 900)),
    ("after", "a past of 2 minutes only, now 2 %", True, after(0.0002, 2, 0.02, 900)),
    ("after", "five times as much from elsewhere (0.02 -> 0.1 %), 15 min", False, after(0.0002, 60, 0.001, 900)),
)
HARMLESS = frozenset({0, 1, 6, 7, 12, 17, 18})  # cells in which no more than α may be blamed


def signal_cell(number: int, releases: int, seed: int) -> Row:
    """One of :data:`CELLS`. Sessions take their time: a quarter of the releases for the business signal."""
    signal, cell, faulty, one = CELLS[number]
    return measure(signal, cell, faulty, -(-releases // 4) if signal == "business" else releases, seed, one)


def signal_shortfalls(rows: list[Row]) -> list[str]:
    """One sentence for each signal that blamed more harmless releases than it may."""
    return [
        f"FAILED: {row.signal}, {row.cell}: {row.found} false alarms in {row.releases} releases"
        for number, row in enumerate(rows)
        if number in HARMLESS and row.interval[0] > ALPHA
    ]


def print_signals(rows: list[Row]) -> None:
    print(f"\nsignals beyond the comparison, {RATE:g} requests/s, the sample policy's split of α; seconds")
    print("errors 4/10 of α, latency 2/10, availability, latency_p99, service and business 1/10 each;")
    print("after the promotion: availability 1/4, p99 1/4, the past 1/4, the bound of the past 1/4 of another α")
    for row in rows:
        low, high = row.interval
        line = f"  {row.signal:<9} {row.cell:<64} "
        line += "found " if row.faulty else "blamed"
        line += f" {row.found / row.releases:7.2%} [{low:.2%}, {high:.2%}]" if row.releases else " –"
        if row.mean is not None:
            line += f"  mean {row.mean:7.1f}  median {row.median:7.1f}  p90 {row.p90:7.1f}"
        print(line)
