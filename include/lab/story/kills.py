"""``python -m lab.story.kills [--kills 20]``: the primary's region is killed under load, again and again: how long
until orders are taken again, and how many acknowledged ones are gone.

Each kill has a lab of its own, up from nothing: the guard fails over by itself once an hour at most, and nothing of one
kill is in the next. Clocks: the users' own for what they saw, the journal's for the stages.
"""

from __future__ import annotations

import argparse
import json
import math
import signal
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from types import FrameType
from typing import Any

from lab import power
from lab.airflow_api import await_value
from lab.beside import the_lab
from lab.load import records
from lab.load.journal import Request, entries
from lab.places import REGIONS, REPOSITORY
from lab.progress import Progress, on_stdout
from lab.story.__main__ import set_the_stage
from lab.story.partition import protect
from lab.story.stage import SERVICE, Stage
from lab.story.variants import dags_for
from tidegate.engine.region_loss import LOST
from tidegate.engine.view import OperationView, fold_operation
from tidegate.errors import NotSettled, TidegateError
from tidegate.journal.model import Event, EventKind
from tidegate.model.operation import OperationKind, OperationState

HOLDS = 1.0  # seconds for which orders have to go on
ORDERS = "checkout"  # the class of requests that write
TARGET = 5.0  # seconds, 95th percentile
STEADY = 5.0  # seconds of users before the kill
BACK_WITHIN, ENDED_WITHIN = 120.0, 300.0
KILLED = REGIONS[0]


@dataclass(frozen=True)
class Kill:
    """``back``: seconds from SIGKILL to the first acknowledged order that began and ended after it, and after which
    every order for one second is acknowledged; None if that never came. ``stages``: seconds since SIGKILL."""

    back: float | None
    lost: int
    sessions_broken: int
    failed: int
    restored: float | None
    outcome: str
    stages: dict[str, float]


def back_after(requests: Sequence[Request], killed: float) -> float | None:
    """See :class:`Kill`. Only what began behind the kill counts: what was acknowledged before may still arrive."""
    orders = sorted((r for r in requests if r.endpoint == ORDERS and r.at >= killed), key=lambda r: r.ended)
    good = [r for r in orders if r.order and not r.failed]
    bad = [r for r in orders if r.failed]
    for first in good:
        until = first.ended + HOLDS
        held = [r.ended for r in good if first.ended <= r.ended <= until]
        whole = any(r.ended > until for r in good) and all(b - a <= HOLDS / 2 for a, b in pairwise([*held, until]))
        if whole and not any(first.ended <= r.ended <= until for r in bad):
            return round(first.ended - killed, 3)
    return None


def percentile(values: Sequence[float], part: float) -> float:
    """The nearest rank: the smallest value that ``part`` of all do not exceed."""
    return sorted(values)[math.ceil(part * len(values)) - 1]


def kill_once(stage: Stage, progress: Progress) -> Kill:
    """Protect, kill, and watch until the failover has ended."""
    protect(stage, progress)
    time.sleep(STEADY)  # the users' record before the kill, not a condition
    killed = time.time()
    power.cut(stage.lab, KILLED)
    progress.say(f"  every process of {KILLED} is killed")
    back = await_value(lambda: _back(stage, killed), BACK_WITHIN, "no order was taken again")
    progress.say(f"  orders are taken again after {back:.2f} s")
    view = await_value(lambda: _ended(stage), ENDED_WITHIN, "the failover has not ended")
    until = time.time()
    window = records.read(stage.load_dir, killed, until)
    lost = records.orders_lost(stage.load_dir, stage.primary_url(), killed - STEADY - 60, until - records.SETTLE)
    return Kill(
        back,
        lost,
        window.sessions_broken,
        window.failed,
        round(until - killed, 1),
        view.outcome.value if view.outcome else view.state.value,
        stages(stage.journal.events(SERVICE), view, killed),
    )


def stages(events: Sequence[Event], view: OperationView, killed: float) -> dict[str, float]:
    """Seconds from the kill to each moment that the journal holds."""
    found = {"declared": next(e.at for e in events if e.kind is EventKind.NOTE and e.body.get("what") == LOST)}
    found["opened"] = view.opened_at
    for event in events:
        if event.operation == view.id and event.kind is EventKind.STEP_VERIFIED:
            found.setdefault(str(event.body["node"]), event.at)
    return {name: round(at - killed, 2) for name, at in found.items()}


def _back(stage: Stage, killed: float) -> float | None:
    stage.load_goes_on()
    return back_after(entries(stage.load_dir)[0], killed)


def _ended(stage: Stage) -> OperationView | None:
    for event in stage.journal.events(SERVICE, kinds={EventKind.OPERATION_OPENED}):
        if event.body["kind"] == OperationKind.FAILOVER.value:
            view = fold_operation(stage.events(str(event.operation)))
            return view if view is not None and view.state is OperationState.CLOSED else None
    return None


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
    signal.signal(signal.SIGTERM, _as_interrupt)
    out, progress, kills = REPOSITORY / "build" / "rto", on_stdout(), list[Kill]()
    try:
        for number in range(1, wanted + 1):
            progress.say(f"— kill {number} of {wanted}")
            kills.append(_one(number, out, progress))
    except KeyboardInterrupt:
        print("interrupted; everything that was started has been stopped", file=sys.stderr)
        return 130
    except TidegateError as error:
        print(error, file=sys.stderr)
        return 2
    report = told(kills)
    (out / "report.json").write_text(json.dumps(report, indent=1))
    print({name: value for name, value in report.items() if name != "kills"})
    good = report["rto_p95"] is not None and report["rto_p95"] <= TARGET
    return 0 if good and not report["orders_lost"] and not report["not_ended_well"] else 1


def _as_interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
