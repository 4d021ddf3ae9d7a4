"""From the records of a run to its row in the report. What was not measured is None, never 0."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lab.load import records
from lab.load.journal import entries
from lab.story.schema import Seen
from lab.story.stage import Stage
from lab.story.takeover import rows_by_airflow_after
from tidegate.engine.ladder import opened
from tidegate.engine.view import OperationView
from tidegate.journal.model import Event, EventKind
from tidegate.model.ladder import Rung

WINDOW = 5  # seconds over which the load's floor is taken


@dataclass(frozen=True)
class Ran:
    """One DAG run as it happened. ``since``, ``until``: epoch seconds, trigger to end. ``tasks``: as Airflow lists.
    ``schema``: before and after, None where nobody looked."""

    dag_id: str
    run_id: str
    state: str
    since: float
    until: float
    tasks: dict[str, dict[str, Any]]
    schema: tuple[Seen, Seen] | None = None


def users(stage: Stage, ran: Ran) -> dict[str, Any]:
    """What the users saw during the run."""
    window = records.read(stage.load_dir, ran.since, ran.until)
    requests = [r for r in entries(stage.load_dir)[0] if ran.since <= r.at < ran.until]
    database = stage.primary_url()
    return {
        "requests": window.requests,
        "failed_requests": window.failed,
        "bad_responses": window.bad,
        "sessions_broken": window.sessions_broken,
        "orders_acknowledged": window.orders_acknowledged,
        "longest_without_an_order": longest_gap([r.ended for r in requests if r.order], ran.since, ran.until),
        "orders_lost": records.orders_lost(stage.load_dir, database, ran.since, ran.until),
        "load": {
            "requests_per_second_mean": window.mean_rps,
            "requests_per_second_least": floor_rps(records.per_second(requests, ran.since, ran.until)),
            "sessions_mean": window.mean_sessions,
            "sessions_least": window.min_sessions,
        },
    }


def found(stage: Stage) -> dict[str, Any]:
    """What the scenario has found out besides; an operation that it interrupted as it ended."""
    told = dict(stage.found)
    if "interrupted" in told:
        view = stage.operation(told["interrupted"])
        told["interrupted"] = view.outcome.value if view is not None and view.outcome else None
    if taken := told.get("taken_over"):
        told["taken_over"] = {**taken, "late_rows": rows_by_airflow_after(stage, taken["operation"])}
    return told


def longest_gap(ends: Sequence[float], since: float, until: float) -> float:
    """Seconds between two acknowledged orders of anybody, at most, within the run."""
    moments = [since, *sorted(end for end in ends if since <= end <= until), until]
    return round(max(later - earlier for earlier, later in itertools.pairwise(moments)), 2)


def floor_rps(per_second: Sequence[int]) -> float | None:
    """Requests per second in the poorest five seconds in a row; None for a shorter run."""
    sums = [sum(per_second[i : i + WINDOW]) / WINDOW for i in range(len(per_second) - WINDOW + 1)]
    return min(sums, default=None)


def seconds(stage: Stage, ran: Ran, view: OperationView | None, events: Sequence[Event]) -> dict[str, float | None]:
    """Where the time went. ``in_effects``: from intent to verification, summed over steps. ``in_airflow``: while no
    task of the run was running: queueing, scheduling, forking."""
    stop = next((e for e in events if e.kind is EventKind.STOP_LOSS), None)
    version = view.binding.candidate_version if view else None
    first_bad = None
    if stop is not None and version:
        bad = records.bad_requests(stage.load_dir, ran.since, stop.at, version)
        first_bad = round(stop.at - bad[0].ended, 2) if bad else None
    safe = _verdict_to_safe(stage, ran, stop, version, events)
    if view is not None and stop is not None and view.stopped_at is Rung.FLAGS:
        safe = flags_safe(stage, ran, view, events)
    return {
        "first_bad_to_verdict": first_bad,
        "verdict_to_safe": safe,
        "total": round(ran.until - ran.since, 1),
        "in_airflow": _idle(ran),
        "in_effects": _in_effects(events),
    }


def _verdict_to_safe(
    stage: Stage, ran: Ran, stop: Event | None, version: str | None, events: Sequence[Event]
) -> float | None:
    """The later of two: the router reports no weight for the candidate; the last request it got began."""
    if stop is None or version is None:
        return None
    done = [e.at for e in events if e.kind is EventKind.STEP_VERIFIED and e.body.get("node") == "return.stop-loss"]
    if not done:
        return None
    last = records.last_seen(stage.load_dir, version, stop.at, ran.until)
    return round(max(done[0] - stop.at, (last or stop.at) - stop.at), 3)


def flags_safe(stage: Stage, ran: Ran, view: OperationView, events: Sequence[Event]) -> float | None:
    """The later of two: the source reports the flag as it was; the last request began whose customer still saw what is
    behind it."""
    stop = next(e for e in events if e.kind is EventKind.STOP_LOSS)
    done = [e.at for e in events if e.kind is EventKind.STEP_VERIFIED and e.body.get("node") == "return.stop-loss"]
    shown = {f"{key}=on" for key in view.guilty or opened(view)}
    seen = (
        at
        for entry in _edge_log(stage)
        if (at := float(entry["t"])) >= stop.at and at < ran.until and shown & _said(entry.get("exposure"))
    )
    return round(max(done[0] - stop.at, max(seen, default=stop.at) - stop.at), 3) if done else None


def _said(exposure: str | None) -> set[str]:
    return {flag.partition(";")[0] for flag in (exposure or "").split(",")}


def after_stop(stage: Stage, ran: Ran, view: OperationView, events: Sequence[Event]) -> dict[str, int | None]:
    """What was done to routes and slots, and what users met, once the loss was stopped and the last customer was
    safe."""
    stop = next((e for e in events if e.kind is EventKind.STOP_LOSS), None)
    safe = flags_safe(stage, ran, view, events) if stop is not None else None
    if stop is None or safe is None:
        return {"route_writes": None, "slot_changes": None, "failed_requests": None}
    requests = entries(stage.load_dir)[0]
    return {
        "route_writes": sum(r["at"] > stop.at for r in stage.routes_written(view.id)),
        "slot_changes": sum(r["at"] > stop.at for r in stage.slots_changed(view.id)),
        "failed_requests": sum(r.bad and stop.at + safe < r.at < ran.until for r in requests),
    }


def _edge_log(stage: Stage) -> Iterator[dict[str, Any]]:
    with (stage.lab.places.lab / "edge" / "access.log").open() as lines:
        for line in lines:
            yield json.loads(line)


def _in_effects(events: Sequence[Event]) -> float | None:
    begun: dict[str, float] = {}
    total = 0.0
    for event in events:
        node = str(event.body.get("node"))
        if event.kind is EventKind.STEP_INTENDED:
            begun[node] = event.at
        elif event.kind is EventKind.STEP_VERIFIED and node in begun:
            total += event.at - begun.pop(node)
    return round(total, 2) if events else None


def _idle(ran: Ran) -> float | None:
    """Seconds of the run in which no task instance was running."""
    spans = sorted(
        (_epoch(t["start_date"]), _epoch(t["end_date"]))
        for t in ran.tasks.values()
        if t["start_date"] and t["end_date"]
    )
    if not spans:
        return None
    idle, busy_until = 0.0, ran.since
    for start, end in spans:
        idle += max(0.0, start - busy_until)
        busy_until = max(busy_until, end)
    return round(idle + max(0.0, ran.until - busy_until), 1)


def _epoch(stamp: str) -> float:
    return datetime.fromisoformat(stamp).timestamp()


def checks(events: Sequence[Event]) -> dict[str, Any]:
    """Data checks of the operation: how many were run, how many did not pass, at any time and in the last run, and
    which were violated."""
    reports = [e.body["report"] for e in events if e.kind is EventKind.DATA_CHECKED]
    if not reports:
        return dict.fromkeys(("run", "failed", "failed_last", "violated", "seconds"))
    results = [r for report in reports for r in report["results"]]
    return {
        "run": len(results),
        "failed": sum(r["status"] != "passed" for r in results),
        "failed_last": sum(r["status"] != "passed" for r in reports[-1]["results"]),
        "violated": sorted({r["id"] for r in results if r["status"] == "violated"}),
        "seconds": max(report["seconds"] for report in reports),
    }


def data_gate_seconds(ran: Ran) -> float | None:
    """Wall time of the slowest data gate that passed at its first look, as Airflow has it, from start to end of its
    task; None if there was none."""
    spans = [
        _epoch(task["end_date"]) - _epoch(task["start_date"])
        for name, task in ran.tasks.items()
        if name.endswith(".data") and task["state"] == "success" and task["start_date"] and task["end_date"]
    ]
    return round(max(spans), 2) if spans else None


def effects(stage: Stage, view: OperationView | None) -> dict[str, Any]:
    """Counted in the targets' own logs, not in our journal: route writes, instance starts and stops, and how many of
    them were done more than once. ``regions``: where slots were changed."""
    if view is None:
        return {"route_writes": None, "slot_changes": None, "twice": None, "regions": []}
    routes = stage.routes_written(view.id)
    slots = stage.slots_changed(view.id)
    again = sum(count - 1 for count in Counter((r["split"], r.get("admission")) for r in routes).values())
    twice = again + repeated(slots)
    regions = sorted({str(slot["arm"]).rpartition("-")[0] for slot in slots})
    return {"route_writes": len(routes), "slot_changes": len(slots), "twice": twice, "regions": regions}


def repeated(slots: Sequence[Mapping[str, Any]]) -> int:
    """Starts of an instance that was just started, and stops of one that was just stopped. A stop, a start and another
    stop are three things that happened."""
    last: dict[str, str] = {}
    again = 0
    for change in slots:
        again += last.get(change["instance"]) == change["verb"]
        last[change["instance"]] = change["verb"]
    return again


def peak_per_target(stage: Stage, ran: Ran) -> float | None:
    """Most requests per second that one target got over five seconds, by the edge's own log."""
    seen: Counter[tuple[str, int]] = Counter()
    for entry in _edge_log(stage):
        at = float(entry["t"])
        if ran.since <= at < ran.until and entry["host"] not in (None, "-"):
            seen[entry["host"], int(at - ran.since) // WINDOW] += 1
    return max(seen.values(), default=0) / WINDOW if seen else None
