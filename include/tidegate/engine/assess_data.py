"""The data gate: are the rows whole after a reversion?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.checks.model import CheckReport
from tidegate.engine.view import OperationView
from tidegate.engine.world import World
from tidegate.journal.model import EventKind
from tidegate.model.verdict import Evidence, SignalReading, Verdict
from tidegate.plan.model import Gate
from tidegate.steps.contract import StepWorld

SNAPSHOT = "snapshot.take"  # the node that notes what the data looks like before a promotion


def data(world: World, view: OperationView, gate: Gate, seen: StepWorld) -> Evidence:
    """Runs the checks and journals the run with its id, whatever the verdict."""
    report = run_checks(world, view, gate)
    return Evidence(report.verdict, _words(report), world.clock.now(), _readings(report))


def run_checks(world: World, view: OperationView, gate: Gate) -> CheckReport:
    """One run of the gate's checks, journalled with its id.

    A rollback takes no snapshot of its own, so that a slow database cannot hold it up: it compares with what the
    promotion of the release that is left had noted.
    """
    snapshot = view.facts.get(SNAPSHOT, {}).get("snapshot") or _last_snapshot(world)
    report = world.checks.run(gate.args["checks"], snapshot)
    with world.journal.locked(world.service) as txn:
        body = {"node": gate.id, "run_id": report.run_id, "report": report.to_json()}
        txn.append(EventKind.DATA_CHECKED, body, actor="checks", operation=view.id)
    return report


def _last_snapshot(world: World) -> Mapping[str, Any] | None:
    """The newest one that any operation on the service has taken."""
    done = world.journal.events(world.service, kinds={EventKind.STEP_VERIFIED})
    taken = (e.body["facts"]["snapshot"] for e in reversed(done) if e.body["node"] == SNAPSHOT)
    return next(taken, None)


def _words(report: CheckReport) -> str:
    bad = [r.id for r in report.results if r.status != "passed"]
    counted = f"{len(report.results) - len(bad)} of {len(report.results)} data checks passed"
    return f"{counted} (run {report.run_id})" + (f"; not passed: {', '.join(bad)}" if bad else "")


def _readings(report: CheckReport) -> tuple[SignalReading, ...]:
    meaning = {"passed": Verdict.PASS, "violated": Verdict.FAIL, "not_checked": Verdict.NO_DATA}
    return tuple(SignalReading(r.id, meaning[r.status], r.detail or r.status) for r in report.results)
