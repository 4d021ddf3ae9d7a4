"""``make mutants``: take each guard out in turn; if no test goes red, the guard is held by nobody.

Each mutant is a throw-away copy of ``include/`` with one guard taken out of one file, and a run of the few tests that
the table names for it. What counts as red is a test that failed on an assertion or on an error of our own: a mutant
that cannot even be imported proves nothing. First all those tests run on an unchanged copy, and must be green.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from tests.safety.guard import Guard
from tests.safety.guards import GUARDS
from tests.safety.witness import COPY, FILE, REPORT

ROOT = Path(__file__).parents[2]
INCLUDE = ROOT / "include"
WITHIN = 600.0  # seconds for the tests of one mutant


class Verdict(StrEnum):
    CAUGHT = "caught"
    SURVIVED = "survived"  # no test went red
    BROKEN = "broken"  # the mutant fell over by itself, or its tests could not run: it proves nothing
    MOVED = "moved"  # the table's snippet is not in the file, or not once


@dataclass(frozen=True)
class Found:
    """What came of one mutant. ``why``: the test that went red, or what is wrong."""

    guard: Guard
    verdict: Verdict
    why: str
    seconds: float = 0.0


def mutated(guard: Guard) -> str:
    """The file without its guard. Raises ValueError if the guard is not where the table says."""
    text = (INCLUDE / "tidegate" / guard.file).read_text()
    times = text.count(guard.old)
    if times != 1:
        raise ValueError(f"{guard.file} holds {guard.old!r} {times} times: the guard moved: update the table")
    changed = text.replace(guard.old, guard.new)
    compile(changed, guard.file, "exec")
    return changed


def try_out(guard: Guard) -> Found:
    """One mutant and its tests."""
    began = time.monotonic()
    try:
        text = mutated(guard)
    except (ValueError, SyntaxError, OSError) as error:
        return Found(guard, Verdict.MOVED, str(error))
    verdict, why = _judge(guard, run(guard.tests, (guard.file, text)))
    return Found(guard, verdict, why, time.monotonic() - began)


def run(
    tests: Iterable[str], change: tuple[str, str] | None = None, *, stop_at_first: bool = True
) -> dict[str, object]:
    """The report of a run of ``tests`` on a copy of ``include/``, with one file changed."""
    with tempfile.TemporaryDirectory(prefix="tidegate-mutant-") as name:
        copy, report = Path(name) / "include", Path(name) / "report.json"
        shutil.copytree(INCLUDE, copy, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        shutil.copytree(ROOT / "dags", Path(name) / "dags")  # the lab takes its policy from beside its own code
        if change:
            (copy / "tidegate" / change[0]).write_text(change[1])
        options = ["-q", "-p", "no:cacheprovider", "-p", "tests.safety.witness", "-o", f"pythonpath={copy} {ROOT}"]
        command = [sys.executable, "-m", "pytest", *options, *(["-x"] if stop_at_first else [])]
        file = str(copy / "tidegate" / change[0]) if change else ""
        paths = {COPY: str(copy), FILE: file, REPORT: str(report), "PYTHONPATH": f"{copy}{os.pathsep}{ROOT}"}
        environment = {**os.environ, **paths, "PYTHONDONTWRITEBYTECODE": "1", "TIDEGATE_MUTANTS": "1"}
        try:
            done = subprocess.run(
                [*command, *(f"tests/{test}" for test in tests)],
                cwd=ROOT,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
                timeout=WITHIN if change else None,
            )
        except subprocess.TimeoutExpired:
            return {"exit": -1, "failures": [], "wrong": f"its tests did not end within {WITHIN:g} s"}
        if not report.exists():
            return {"exit": done.returncode, "failures": [], "wrong": (done.stdout + done.stderr)[-2000:]}
        return {"exit": done.returncode, "wrong": "", **json.loads(report.read_text())}


def _judge(guard: Guard, report: dict[str, object]) -> tuple[Verdict, str]:
    failures = report["failures"]
    assert isinstance(failures, list)
    if report["wrong"]:
        return Verdict.BROKEN, str(report["wrong"])
    red = [f for f in failures if f["ours"] or f["error"] in guard.dies_by]
    if red:
        return Verdict.CAUGHT, f"{red[0]['test']} ({red[0]['error']})"
    if failures:
        return Verdict.BROKEN, f"{failures[0]['test']} fell over: {failures[0]['error']}: {failures[0]['what']}"
    if report["exit"] != 0:
        return Verdict.BROKEN, f"pytest ended with {report['exit']}"
    return Verdict.SURVIVED, f"green without it: {', '.join(guard.tests)}"


def unmutated(guards: Sequence[Guard]) -> str:
    """All tests of the table on an unchanged copy: why they are not green, empty if they are."""
    tests = list(dict.fromkeys(test for guard in guards for test in guard.tests))
    report = run(tests, stop_at_first=False)
    failures = report["failures"]
    assert isinstance(failures, list)
    told = [f"{f['test']}: {f['error']}: {f['what']}" for f in failures]
    return "\n".join(told) or (str(report["wrong"] or f"pytest ended with {report['exit']}") if report["exit"] else "")


def hunt(guards: Sequence[Guard], jobs: int) -> list[Found]:
    """Every mutant, ``jobs`` at a time, told as they come."""
    with ThreadPoolExecutor(jobs) as pool:
        found = []
        for result in pool.map(try_out, guards):
            print(f"  {result.verdict:8} {result.guard.name:45} {result.seconds:5.1f} s  {result.why}", flush=True)
            found.append(result)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit codes: 0 every guard is held, 1 one is not, 2 the tests are not green to begin with."""
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("--only", default="", help="guards whose name or file contains this")
    parser.add_argument("--jobs", type=int, default=min(4, os.cpu_count() or 2))
    given = parser.parse_args(arguments)
    guards = [g for g in GUARDS if given.only in g.name or given.only in g.file]
    began = time.monotonic()
    print(f"{len(guards)} guards; first their tests as they are", flush=True)
    if why := unmutated(guards):
        print(f"not green to begin with:\n{why}")
        return 2
    found = hunt(guards, given.jobs)
    bad = [f for f in found if f.verdict is not Verdict.CAUGHT]
    took = time.monotonic() - began
    print(f"{len(found) - len(bad)} of {len(found)} guards are held by a test, in {took:.0f} s")
    return 1 if bad or not found else 0


if __name__ == "__main__":
    sys.exit(main())
