"""Every process of the primary's region is killed under load, and the guard fails over by itself: what it took.

Clocks: the users' own for what they saw, the journal's for the stages.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from lab import power
from lab.airflow_api import await_value
from lab.load import records
from lab.load.journal import Request, entries
from lab.places import REGIONS
from lab.progress import Progress
from lab.story import unasked
from lab.story.scenario import Scenario
from lab.story.stage import SERVICE, Stage
from lab.story.writer_probe import WriterProbe
from tidegate.engine.region_loss import LOST
from tidegate.engine.view import OperationView, fold_operation
from tidegate.journal.model import Event, EventKind
from tidegate.model.operation import OperationKind, OperationState

HOLDS = 1.0  # seconds for which orders have to go on
ORDERS = "checkout"  # the class of requests that write
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


def play(stage: Stage, scenario: Scenario, progress: Progress) -> dict[str, Any]:
    """The scenario's row in the report: what users saw from a few seconds before the kill until all is restored."""
    unasked.protect(stage, progress)
    with WriterProbe(stage) as probe:
        killed, back, view = _kill(stage, progress)
        until = time.time()
    found = stages(stage.journal.events(SERVICE), view, killed)
    seconds = {"until_orders": round(back, 2), "restored": round(until - killed, 1), "stages": found}
    window = (killed - STEADY, until - records.SETTLE)
    return unasked.row(stage, scenario, window, probe.told(), seconds, view, _outcome(view))


def kill_once(stage: Stage, progress: Progress) -> Kill:
    """Protect, kill, and watch until the failover has ended."""
    unasked.protect(stage, progress)
    killed, back, view = _kill(stage, progress)
    until = time.time()
    window = records.read(stage.load_dir, killed, until)
    lost = records.orders_lost(stage.load_dir, stage.primary_url(), killed - STEADY - 60, until - records.SETTLE)
    found = stages(stage.journal.events(SERVICE), view, killed)
    return Kill(back, lost, window.sessions_broken, window.failed, round(until - killed, 1), _outcome(view), found)


def _kill(stage: Stage, progress: Progress) -> tuple[float, float, OperationView]:
    """When, how many seconds later orders were taken again, and the failover once it has ended."""
    time.sleep(STEADY)  # the users' record before the kill, not a condition
    killed = time.time()
    power.cut(stage.lab, KILLED)
    progress.say(f"  every process of {KILLED} is killed")
    back = await_value(lambda: _back(stage, killed), BACK_WITHIN, "no order was taken again")
    progress.say(f"  orders are taken again after {back:.2f} s")
    return killed, back, await_value(lambda: _ended(stage), ENDED_WITHIN, "the failover has not ended")


def _outcome(view: OperationView) -> str:
    return view.outcome.value if view.outcome else view.state.value


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
