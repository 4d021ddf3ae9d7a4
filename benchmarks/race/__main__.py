"""Run the race: print the table, write ``build/race.json``, exit 1 if the judge misses what is required of it.

``--releases`` (4000), ``--latency-releases`` (100), ``--lab-runs`` (12), ``--signal-releases`` (1000), ``--seed``
(20261123); 0 leaves a part out. Nothing is quoted from elsewhere: every figure comes from this run's simulated streams.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from pathlib import Path

import numpy as np

from benchmarks.race import lab, latency, signals
from benchmarks.race.lab import WEIGHTS, Detection, lab_cell
from benchmarks.race.measure import Row, race, row_of, sticky
from benchmarks.race.streams import ALPHA, BASE, RATE, WEIGHT, Cell
from benchmarks.race.vectorised import AT_ONCE
from tidegate.judge.settings import StartPoints

CELLS = (
    Cell("no fault", BASE),
    Cell("fault of both arms, 2%", 0.02, stable=0.02),
    Cell("candidate fails 0.5%", 0.005),
    Cell("candidate fails 2%", 0.02),
    Cell("candidate fails 10%", 0.1),
    Cell("candidate fails 50%", 0.5),
    Cell("candidate fails 2%, after 5 healthy minutes", 0.02, healthy=5, minutes=35),
    Cell("candidate fails 2%, after 30 healthy minutes", 0.02, healthy=30, minutes=60),
)
REQUIRED = {f"candidate fails {p}": limit for p, limit in (("0.5%", 1.6), ("2%", 1.6), ("10%", 2.0), ("50%", 2.6))}


def main() -> int:
    """See the module."""
    parser = argparse.ArgumentParser(description="The judge against other rules, on the same simulated streams.")
    parser.add_argument("--releases", type=int, default=4000)
    parser.add_argument("--latency-releases", type=int, default=100)
    parser.add_argument("--lab-runs", type=int, default=12)
    parser.add_argument("--signal-releases", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=20261123)
    parser.add_argument("--out", type=Path, default=Path("build/race.json"))
    options = parser.parse_args()
    began = time.monotonic()
    rows, slow, found = _run(options.releases, options.latency_releases, options.lab_runs, options.seed)
    told = _signals(options.signal_releases, options.seed)
    failures = [*shortfalls(rows), *signals.signal_shortfalls(told)]
    print_table(rows, slow)
    print_lab(found)
    signals.print_signals(told)
    report = {
        "seed": options.seed,
        "conditions": {"requests_per_second": RATE, "weight": WEIGHT, "usual_errors": BASE, "alpha": ALPHA},
        "errors": [asdict(row) for row in rows],
        "latency": [asdict(row) for row in slow],
        "lab": [asdict(row) for row in found],
        "signals": [asdict(row) for row in told],
        "required": REQUIRED,
        "failures": failures,
        "seconds": round(time.monotonic() - began, 1),
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(report, indent=1) + "\n")
    print(f"\n{options.out} written after {report['seconds']} s.", *failures, sep="\n")
    return 1 if failures else 0


def _run(releases: int, slow: int, runs: int, seed: int) -> tuple[list[Row], list[Row], list[Detection]]:
    """All cells, on as many processes as there are cores; the figures do not depend on how many."""
    with ProcessPoolExecutor(max_workers=min(4, os.cpu_count() or 1)) as pool:
        lasting = [pool.submit(lab_cell, c, w, runs, seed) for w in WEIGHTS for c in range(len(lab.CELLS)) if runs]
        tails = [pool.submit(latency_cell, n, slow, seed + n) for n in range(len(latency.CELLS)) if slow]
        failing = [pool.submit(race, cell, releases, seed + 100 * n) for n, cell in enumerate(CELLS) if releases]
        sticking = [pool.submit(sticky, n, releases, seed + 7000 + n) for n in (1, 5, 20) if releases]
        jobs = failing + sticking + tails + lasting
        for number, _ in enumerate(as_completed(jobs), start=1):
            print(f"\r… {number} of {len(jobs)} cells", end="", file=sys.stderr, flush=True)
        print(file=sys.stderr)
        rows = [row for job in failing + sticking for row in job.result()]
        return rows, [row for job in tails for row in job.result()], [job.result() for job in lasting]


def _signals(releases: int, seed: int) -> list[signals.Row]:
    """All cells of :mod:`benchmarks.race.signals`, on as many processes as there are cores."""
    cells = range(len(signals.CELLS)) if releases else range(0)
    with ProcessPoolExecutor(max_workers=min(4, os.cpu_count() or 1)) as pool:
        jobs = [pool.submit(signals.signal_cell, n, releases, seed + 100_000 * n) for n in cells]
        return [job.result() for job in jobs]


def latency_cell(number: int, releases: int, seed: int) -> list[Row]:
    """One of :data:`benchmarks.race.latency.CELLS`, with and without the start-point mixture."""
    cell = latency.CELLS[number]
    rules = [("judge", AT_ONCE, False), ("judge, start points", StartPoints(), False)]
    if cell.session_part:
        rules.append(("judge, if it counted requests", AT_ONCE, True))
    rows = []
    for rule, starts, by_request in rules:
        seconds = latency.crossings(cell, releases, starts, np.random.default_rng(seed), by_request=by_request)
        rows.append(row_of(Cell(f"latency, {cell.name}", 0.0), rule, seconds, cell.bound))
    return rows


def shortfalls(rows: list[Row]) -> list[str]:
    """What the judge was required to reach and did not: one sentence each."""
    found = []
    for row in rows:
        if row.rule not in ("judge", "judge, start points", "judge, start points, margin 1.5"):
            continue
        if row.alarm_interval[0] > ALPHA:
            found.append(f"FAILED: {row.rule}, {row.cell}: {row.alarms} false alarms in {row.releases} releases")
        limit = REQUIRED.get(row.cell)
        if row.rule == "judge" and limit and not (row.over_bound or 99) <= limit:
            found.append(f"FAILED: {row.cell}: mean over bound {row.over_bound}, required {limit}")
        if row.rule == "judge" and limit and row.detected != row.releases - row.alarms:
            found.append(f"FAILED: {row.cell}: {row.detected} of {row.releases} detected")
    return found


def print_table(rows: list[Row], slow: list[Row]) -> None:
    print(f"{RATE:g} requests/s, candidate's weight {WEIGHT:.0%}, usual errors {BASE:.1%}, α {ALPHA:.0%}; seconds.")
    print("false alarms: candidate no worse, or before its fault began; 95 % interval. bound: ln(1/α)/KL.\n")
    cell = ""
    for row in rows + slow:
        if row.cell != cell:
            cell = row.cell
            print(f"{cell}  ({row.releases} releases)")
        low, high = row.alarm_interval
        line = f"  {row.rule:<34} false alarms {row.alarms / row.releases:7.2%} [{low:.2%}, {high:.2%}]"
        if row.detected is not None:
            line += f"  detected {row.detected / row.releases:6.1%}"
        if row.mean is not None:
            line += (
                f"  mean {row.mean:7.1f}  median {row.median:7.1f}  p90 {row.p90:7.1f}  over bound {row.over_bound:.2f}"
            )
        print(line)


def print_lab(found: list[Detection]) -> None:
    """The real judge, request by request, under the lab's load and the sample policy's margins."""
    print("\nthe whole judge at 130 requests/s, 100 sessions of 30 s, α 1 % over all signals, margins 1.5")
    for row in found:
        figures = f"median {row.median} s, p90 {row.p90} s, without a verdict {row.missed} of {row.runs}, {row.signals}"
        print(f"  {row.cell:<52} {figures}")


if __name__ == "__main__":
    sys.exit(main())
