"""The data gate: are the rows whole after a reversion?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.checks.model import CheckReport, CheckResult, Status
from tidegate.engine.facts import FACT_KINDS, ServiceFacts, fold_facts
from tidegate.engine.ladder import RETURN
from tidegate.engine.view import OperationView
from tidegate.engine.world import World
from tidegate.journal.model import EventKind
from tidegate.model.binding import release_from_json
from tidegate.model.verdict import Evidence, SignalReading, Verdict
from tidegate.plan.model import Gate
from tidegate.steps.contract import StepWorld

VERIFIED = "admit.verify"  # the node that says what the candidate is
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
    needed = needed_revision(view, gate, fold_facts(world.journal.events(world.service, kinds=FACT_KINDS)))
    report = world.checks.run(gate.args["checks"], snapshot, schema_revision=needed)
    with world.journal.locked(world.service) as txn:
        body = {"node": gate.id, "run_id": report.run_id, "report": report.to_json()}
        txn.append(EventKind.DATA_CHECKED, body, actor="checks", operation=view.id)
    return report


def needed_revision(view: OperationView, gate: Gate, facts: ServiceFacts) -> str:
    """The schema revision that the running release's manifest names: on the way back that of the release that is gone
    back to, before it the candidate's; its contract, once that was completed. "" if it names none."""
    stage, _ = view.plan.node(gate.id)
    verified = view.facts.get(VERIFIED, {}).get("release")
    if stage.id == RETURN or verified is None:
        return facts.revision_of(view.binding.stable)
    return facts.revision_of(release_from_json(verified))


def _last_snapshot(world: World) -> Mapping[str, Any] | None:
    """The newest one that any operation on the service has taken."""
    done = world.journal.events(world.service, kinds={EventKind.STEP_VERIFIED})
    taken = (e.body["facts"]["snapshot"] for e in reversed(done) if e.body["node"] == SNAPSHOT)
    return next(taken, None)


def _words(report: CheckReport) -> str:
    passed = sum(r.status is Status.PASSED for r in report.results)
    warned = report.warnings
    bad = [r.id for r in report.results if r.status is not Status.PASSED and r.id not in warned]
    counted = f"{passed} of {len(report.results)} data checks passed (run {report.run_id})"
    said = f"; with a warning: {', '.join(warned)}" if warned else ""
    return counted + (f"; not passed: {', '.join(bad)}" if bad else "") + said


def _readings(report: CheckReport) -> tuple[SignalReading, ...]:
    return tuple(_reading(r, r.id in report.warnings) for r in report.results)


_MEANING = {Status.PASSED: Verdict.PASS, Status.VIOLATED: Verdict.FAIL, Status.NOT_CHECKED: Verdict.NO_DATA}


def _reading(result: CheckResult, warned: bool) -> SignalReading:
    words = result.detail or result.status.value
    if warned:
        return SignalReading(result.id, Verdict.PASS, f"warning: {words}")
    return SignalReading(result.id, _MEANING[result.status], words)
