"""The data gate: are the rows whole after a reversion?"""

from __future__ import annotations

from tidegate.checks.model import CheckReport
from tidegate.engine.view import OperationView
from tidegate.engine.world import World
from tidegate.journal.model import EventKind
from tidegate.model.verdict import Evidence, SignalReading, Verdict
from tidegate.plan.model import Gate
from tidegate.steps.contract import StepWorld


def data(world: World, view: OperationView, gate: Gate, seen: StepWorld) -> Evidence:
    """Runs the checks and journals the run with its id, whatever the verdict."""
    snapshot = view.facts.get("snapshot.take", {}).get("snapshot")
    report = world.checks.run(gate.args["checks"], snapshot)
    with world.journal.locked(world.service) as txn:
        body = {"node": gate.id, "run_id": report.run_id, "report": report.to_json()}
        txn.append(EventKind.DATA_CHECKED, body, actor="checks", operation=view.id)
    return Evidence(report.verdict, _words(report), world.clock.now(), _readings(report))


def _words(report: CheckReport) -> str:
    bad = [r.id for r in report.results if r.status != "passed"]
    counted = f"{len(report.results) - len(bad)} of {len(report.results)} data checks passed"
    return f"{counted} (run {report.run_id})" + (f"; not passed: {', '.join(bad)}" if bad else "")


def _readings(report: CheckReport) -> tuple[SignalReading, ...]:
    meaning = {"passed": Verdict.PASS, "violated": Verdict.FAIL, "not_checked": Verdict.NO_DATA}
    return tuple(SignalReading(r.id, meaning[r.status], r.detail or r.status) for r in report.results)
