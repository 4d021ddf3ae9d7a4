"""Rules for the error budget on the same simulated streams: two windows, as the guard asks, against one alone.

Print the table, write ``build/burn.json``, exit 1 if two windows do not do what they are there for. ``--months`` (6) of
healthy load with blips, ``--faults`` (100) of each kind, ``--seed`` (20261124). Every figure comes from this run. The
counts are the guard's own (:mod:`tidegate.judge.counted`), and so is the rule (:mod:`tidegate.judge.burn`).
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from tidegate.judge.burn import DAY, HOUR, PERIOD, WHOLE, State, rules_for, state_of
from tidegate.judge.counted import Counted, Rings

FAST = rules_for(PERIOD)[0]
BUDGET, BASE, RATE = 0.001, 0.001, 20.0  # 99.9 % promised, one in a thousand fails always, requests per second
LIMIT = FAST.rate * BUDGET
BLIPS, SHORTEST, LONGEST, WORST = 4.0, 5.0, 25.0, 0.5  # a day; seconds; part of the requests that fail
STEP, FINE = 25.0, 5.0  # seconds between two looks: at healthy months, at faults
FAULTS = (1.0, 0.2, 0.05, 0.02)  # part of the requests that fail
LASTS, MOST = 1800.0, 3 * HOUR  # seconds that a fault lasts once it was seen; that it is waited for

Says = Callable[[Counted, Counted], bool]
RULES: Mapping[str, Says] = {
    "1 h and 5 min": lambda long, short: state_of(FAST, BUDGET, long, short) is State.BURNS,
    "5 min alone": lambda _, short: short.part >= LIMIT,
    "1 h alone": lambda long, _: long.part >= LIMIT,
}


@dataclass(frozen=True)
class Row:
    """``alarms``: in all healthy months, ``a_month`` of them. ``found``: of the faults; ``delay`` and ``late`` (p90):
    seconds until it rang; ``rings_on``: mean seconds that it went on ringing after the fault had ended."""

    cell: str
    rule: str
    alarms: int | None = None
    a_month: float | None = None
    found: float | None = None
    delay: float | None = None
    late: float | None = None
    rings_on: float | None = None


class Service:
    """One service's counts, fed step by step."""

    def __init__(self, source: np.random.Generator, begin: float) -> None:
        self.rings, self.now, self._source = Rings((FAST,)), begin, source

    def passes(self, seconds: float, fails: float) -> None:
        """So much time, in which this part fails on top of the usual."""
        rate = RATE * (1 + 0.5 * math.sin(2 * math.pi * self.now / DAY))
        count = int(self._source.poisson(rate * seconds))
        bad = int(self._source.binomial(count, min(1.0, BASE + fails)))
        self.rings.add_many(self.now + seconds / 2, "east", "all", count, bad, bad)
        self.rings.looked(self.now, self.now + seconds)
        self.now += seconds

    def windows(self) -> tuple[Counted, Counted]:
        long = self.rings.sums(FAST, self.now - FAST.long, self.now).of(WHOLE)
        return long, self.rings.sums(FAST, self.now - FAST.short, self.now).of(WHOLE)


def month(seed: int, blips: bool) -> dict[str, int]:
    """Times that each rule began to ring in 30 days in which nothing happened that spends the budget of an hour."""
    source = np.random.default_rng(seed)
    service, ringing = Service(source, 1_800_000_000.0), dict.fromkeys(RULES, False)
    alarms = dict.fromkeys(RULES, 0)
    for _ in range(int(30 * DAY / STEP)):
        blip = blips and source.random() < BLIPS * STEP / DAY
        service.passes(STEP, source.uniform(SHORTEST, LONGEST) / STEP * source.uniform(0, WORST) if blip else 0.0)
        windows = service.windows()
        for name, says in RULES.items():
            now = says(*windows)
            alarms[name] += now and not ringing[name]
            ringing[name] = now
    return alarms


def fault(seed: int, part: float) -> dict[str, tuple[float | None, float | None]]:
    """Rule -> seconds until it rang, and how long it rang after the fault had lasted for half an hour more."""
    source = np.random.default_rng(seed)
    service = Service(source, 1_800_000_000.0 + source.uniform(0, DAY))
    for _ in range(int(FAST.long / STEP) + 1):
        service.passes(STEP, 0.0)
    began, rang = service.now, dict[str, float]()
    while len(rang) < len(RULES) and service.now - began < MOST:
        service.passes(FINE, part)
        _note(service, rang, True)
    ends, quiet = service.now + LASTS, dict[str, float]()
    while service.now < ends:
        service.passes(FINE, part)
    over = service.now
    while len(quiet) < len(RULES) and service.now - over < MOST:
        service.passes(FINE, 0.0)
        _note(service, quiet, False)
    after = {name: quiet[name] - over if name in quiet else None for name in RULES}
    return {name: (rang[name] - began if name in rang else None, after[name]) for name in RULES}


def _note(service: Service, at: dict[str, float], wanted: bool) -> None:
    windows = service.windows()
    for name, says in RULES.items():
        if says(*windows) is wanted:
            at.setdefault(name, service.now)


def run(months: int, faults: int, seed: int) -> list[Row]:
    """All cells, on as many processes as there are cores; the figures do not depend on how many."""
    rows = []
    with ProcessPoolExecutor(max_workers=min(2, os.cpu_count() or 1)) as pool:
        for name, blips in (("nothing wrong", False), (f"{BLIPS:g} blips a day", True)):
            jobs = [pool.submit(month, seed + 1000 * blips + n, blips) for n in range(months)]
            found = [job.result() for job in jobs]
            for rule in RULES:
                total = sum(one[rule] for one in found)
                rows.append(Row(name, rule, total, round(total / months, 2) if months else None))
        for number, part in enumerate(FAULTS):
            tried = [pool.submit(fault, seed + 10_000 * (number + 1) + n, part) for n in range(faults)]
            rows += _rows(f"{part:.0%} fail", [job.result() for job in tried])
    return rows


def _rows(cell: str, found: list[dict[str, tuple[float | None, float | None]]]) -> list[Row]:
    rows = []
    for rule in RULES:
        delays = [one[rule][0] for one in found if one[rule][0] is not None]
        after = [one[rule][1] for one in found if one[rule][1] is not None]
        part = len(delays) / len(found) if found else None
        mean, late = (
            (round(float(f(delays))) for f in (np.mean, lambda d: np.quantile(d, 0.9))) if delays else (None, None)
        )
        rows.append(Row(cell, rule, None, None, part, mean, late, round(float(np.mean(after))) if after else None))
    return rows


def shortfalls(rows: list[Row]) -> list[str]:
    """What two windows are required to do and did not: one sentence each."""
    by = {(row.cell, row.rule): row for row in rows}
    two, short, long = RULES
    failed = []
    for row in rows:
        if row.rule == two and row.alarms:
            failed.append(f"FAILED: {row.cell}: {row.alarms} alarms by {two}")
        if row.rule == two and row.found is not None and row.found < 0.95:
            failed.append(f"FAILED: {row.cell}: {two} found {row.found:.0%}")
        other = by[row.cell, long]
        if row.rule == two and row.rings_on and other.rings_on and row.rings_on > other.rings_on / 2:
            failed.append(f"FAILED: {row.cell}: {two} rings on for {row.rings_on} s, {long} for {other.rings_on} s")
    blips = by.get((f"{BLIPS:g} blips a day", short))
    if blips is not None and not blips.alarms:
        failed.append("FAILED: the blips ring nowhere, so they show nothing")
    return failed


def main() -> int:
    """See the module."""
    parser = argparse.ArgumentParser(description="Two windows against one, on the same simulated streams.")
    parser.add_argument("--months", type=int, default=6)
    parser.add_argument("--faults", type=int, default=100)
    parser.add_argument("--seed", type=int, default=20261124)
    parser.add_argument("--out", type=Path, default=Path("build/burn.json"))
    options = parser.parse_args()
    began = time.monotonic()
    rows = run(options.months, options.faults, options.seed)
    failures = shortfalls(rows)
    for row in rows:
        figures = {k: v for k, v in asdict(row).items() if v is not None and k not in ("cell", "rule")}
        print(f"{row.cell:<18} {row.rule:<14} {figures}")
    report = {
        "seed": options.seed,
        "months": options.months,
        "faults": options.faults,
        "rows": [asdict(r) for r in rows],
    }
    report |= {"failures": failures, "seconds": round(time.monotonic() - began, 1)}
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(report, indent=1) + "\n")
    print(f"\n{options.out} written after {report['seconds']} s.", *failures, sep="\n")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
