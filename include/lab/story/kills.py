"""``python -m lab.story.kills [--kills 20]``: the primary's region is killed under load, again and again: how long
until orders are taken again, and how many acknowledged ones are gone.

Each kill has a lab of its own, up from nothing: the guard fails over by itself once an hour at most, and nothing of one
kill is in the next. What is measured of each is in :mod:`lab.story.region_killed`.
"""

from __future__ import annotations

import argparse
import json
import math
import signal
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lab.beside import the_lab
from lab.places import REPOSITORY
from lab.progress import Progress, on_stdout
from lab.story.__main__ import set_the_stage
from lab.story.region_killed import Kill, kill_once
from lab.story.variants import dags_for
from tidegate.errors import NotSettled, TidegateError

TARGET = 5.0  # seconds, 95th percentile


def percentile(values: Sequence[float], part: float) -> float:
    """The nearest rank: the smallest value that ``part`` of all do not exceed."""
    return sorted(values)[math.ceil(part * len(values)) - 1]


def _one(number: int, out: Path, progress: Progress) -> Kill:
    lab = the_lab(progress, dags_for("acting", out))
    if not lab.up():
        raise NotSettled("a lab is up already", next_step="make down")
    stage = None
    try:
        stage = set_the_stage(lab, out / f"kill-{number}", progress)
        return kill_once(stage, progress)
    finally:
        if stage is not None:
            stage.stop_load()
        lab.down()


def _keep(out: Path, kills: Sequence[Kill]) -> None:
    """After each kill, so that an interrupted run has told something."""
    (out / "report.json").write_text(json.dumps(told(kills), indent=1))


def told(kills: Sequence[Kill]) -> dict[str, Any]:
    """The figures of the report; ``rto_p95`` None while one kill never came back."""
    backs = [k.back for k in kills if k.back is not None]
    whole = len(backs) == len(kills) and bool(backs)
    return {
        "kills": [vars(k) for k in kills],
        "rto_p50": round(statistics.median(backs), 2) if whole else None,
        "rto_p95": round(percentile(backs, 0.95), 2) if whole else None,
        "rto_worst": round(max(backs), 2) if whole else None,
        "orders_lost": sum(k.lost for k in kills),
        "not_ended_well": [k.outcome for k in kills if k.outcome != "failed_over"],
    }


def main() -> int:
    """0: within the target and nothing lost. 1: not. 2: it could not be run. 130: interrupted."""
    parser = argparse.ArgumentParser(prog="lab.story.kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    wanted = parser.parse_args().kills
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    out, progress, kills = REPOSITORY / "build" / "rto", on_stdout(), list[Kill]()
    try:
        for number in range(1, wanted + 1):
            progress.say(f"— kill {number} of {wanted}")
            kills.append(_one(number, out, progress))
            _keep(out, kills)
    except KeyboardInterrupt:
        print("interrupted; everything that was started has been stopped", file=sys.stderr)
        return 130
    except TidegateError as error:
        print(error, file=sys.stderr)
        return 2
    report = told(kills)
    print({name: value for name, value in report.items() if name != "kills"})
    good = report["rto_p95"] is not None and report["rto_p95"] <= TARGET
    return 0 if good and not report["orders_lost"] and not report["not_ended_well"] else 1


if __name__ == "__main__":
    sys.exit(main())
