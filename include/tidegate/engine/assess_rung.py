"""The gate behind a rung of the way back: does it restore health and data, or does the next one follow?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tidegate.checks.model import CheckReport, CheckResult, Severity, Status
from tidegate.engine import guarding
from tidegate.engine.assess_data import run_checks
from tidegate.engine.ladder import RETURN, debts, met_by_users, touched_regions
from tidegate.engine.view import OperationView
from tidegate.engine.world import World
from tidegate.judge.aftermath import HealthRequirement, assess_health
from tidegate.model.mix import parse_mix
from tidegate.model.operation import OperationKind
from tidegate.model.verdict import Evidence, Verdict
from tidegate.plan.model import Gate
from tidegate.steps.contract import StepWorld


@dataclass(frozen=True)
class RungEvidence(Evidence):
    """``then``: ``stop``, ``next`` or ``hold`` (:class:`~tidegate.engine.told.RungJudged`)."""

    then: str = "hold"


def rung(world: World, view: OperationView, gate: Gate, seen: StepWorld) -> Evidence:
    """Health first, from what the guard counts; once that is decided, one run of the data checks. Both together say how
    the ladder goes on."""
    if not met_by_users(view):
        nobody = Evidence(Verdict.PASS, "no user has met anything of this operation", world.clock.now())
        return decide(gate, nobody, run_checks(world, view, gate), beyond(view))
    document = world.journal.evidence(view.service, view.id, guarding.AFTERMATH)
    stale_after = float(view.plan.settings["judge"]["stale_after"])
    health = assess_health(requirement(view, gate), document, world.clock.now(), stale_after)
    if health.verdict not in (Verdict.PASS, Verdict.FAIL):
        return health
    return decide(gate, health, run_checks(world, view, gate), beyond(view))


def beyond(view: OperationView) -> str:
    """What comes after the last rung of a rollback to a mix: the whole baseline, by an operation of its own. Empty for
    any other, of which nothing is left."""
    mix = parse_mix(view.binding.stable.version) if view.binding.stable.parents else None
    if view.kind is not OperationKind.ROLLBACK or mix is None:
        return ""
    return f"tidegate rollback {view.service} --to {mix.parents[-1]} --reason WHY"


def requirement(view: OperationView, gate: Gate) -> HealthRequirement:
    """What is asked of users since the rung's last step; once a person has looked at a gate that failed, since then. A
    region that is left as a debt is not asked, unless there is no other; one that has no share has no users."""
    lost = {str(debt["region"]) for debt in debts(view).values()}
    lost |= {region for region, share in view.binding.shares.items() if not share}
    regions = touched_regions(view) - lost or frozenset(view.plan.settings["region_order"])
    order = [region for region in view.plan.settings["region_order"] if region in regions]
    return HealthRequirement(regions=order, since=_since(view, gate), **gate.args["health"])


def _since(view: OperationView, gate: Gate) -> float:
    moments = [view.node(gate.id).at or view.opened_at]
    for stage, node in view.plan.nodes():
        if node.id == gate.id:
            break
        state = view.node(node.id)
        if stage.id == RETURN and not state.nothing_to_do:
            moments.append(state.at or view.opened_at)
    return max(moments)


def decide(gate: Gate, health: Evidence, report: CheckReport, after: str = "") -> Evidence:
    """What follows from health (passed or failed) and data. Pure. ``after``: the command that goes further than
    the last rung, if there is one: then the operation ends where it is, and says so, since none may begin while it
    holds.

    A check of severity ``hold`` that is violated asks a person, whatever users meet; one that could not be made is no
    data; one of ``next_rung`` sends the ladder on as ill users do; ``warn`` is said and counts for nothing.
    """
    wrong = {r.id: r for r in report.results if r.status is not Status.PASSED and r.severity is not Severity.WARN}
    warned = [r.id for r in report.results if r.status is not Status.PASSED and r.id not in wrong]
    said = f"; with a warning: {', '.join(warned)}" if warned else ""
    violated = [r for r in wrong.values() if r.status is Status.VIOLATED]
    if held := [r for r in violated if r.severity is Severity.HOLD]:
        return _evidence(Verdict.FAIL, f"the data is not whole: {_named(held)}{said}", health, "hold")
    if unseen := [r for r in wrong.values() if r.status is not Status.VIOLATED]:
        return _evidence(Verdict.NO_DATA, f"not every check could be made: {_named(unseen)}{said}", health, "hold")
    ill = [health.why] if health.verdict is Verdict.FAIL else []
    wants = [f"the data is not whole: {_named(violated)}"] if violated else []
    if not (ill or wants):
        whole = f"{len(report.results) - len(warned)} of {len(report.results)} data checks passed"
        return _evidence(Verdict.PASS, f"restored: {health.why}; {whole}{said}", health, "stop")
    why = "; ".join([*ill, *wants]) + said
    if gate.args["last"] and after:
        return _evidence(Verdict.PASS, f"not restored, and there is no rung left: {why}; next: {after}", health, "next")
    if gate.args["last"]:
        return _evidence(Verdict.FAIL, f"not restored, and there is no rung left: {why}", health, "hold")
    return _evidence(Verdict.PASS, f"not restored, the next rung follows: {why}", health, "next")


def judged_row(gate: Gate, evidence: Evidence, *, opened: bool) -> Mapping[str, Any]:
    """Body of the row ``rung_judged``. A gate that stays shut holds, whatever it waited for."""
    then = evidence.then if opened and isinstance(evidence, RungEvidence) else "hold"
    return {
        "node": gate.id,
        "rung": gate.args["rung"],
        "restored": then == "stop",
        "then": then,
        "why": evidence.why,
    }


def _named(results: list[CheckResult]) -> str:
    return ", ".join(f"{r.id} ({r.detail})" if r.detail else r.id for r in results)


def _evidence(verdict: Verdict, why: str, health: Evidence, then: str) -> RungEvidence:
    return RungEvidence(verdict, why, health.observed_at, health.readings, then)
