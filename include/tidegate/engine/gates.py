"""Gates: read what has been measured, and say pass, fail, inconclusive or no_data.

A gate changes nothing outside the journal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tidegate.drivers.token import Token
from tidegate.engine import (
    assess,
    assess_admission,
    assess_consistency,
    assess_data,
    assess_exposure,
    assess_moving,
    assess_rung,
    guarding,
    rules,
)
from tidegate.engine.execute import step_world
from tidegate.engine.facts import FACT_KINDS, fold_facts
from tidegate.engine.ladder import not_needed
from tidegate.engine.takeover import carries
from tidegate.engine.turn import turn_if_incomplete
from tidegate.engine.unneeded import record_nothing
from tidegate.engine.view import OperationView, fold_operation, require
from tidegate.engine.world import World
from tidegate.errors import EffectError, LeaseLost, NotYet, Refused
from tidegate.journal.model import EventKind
from tidegate.journal.store import Transaction
from tidegate.model.canonical import digest
from tidegate.model.operation import OperationState
from tidegate.model.verdict import Evidence, Verdict, evidence_json
from tidegate.plan.model import Gate, Phase
from tidegate.steps.contract import Known, StepWorld
from tidegate.telemetry import context


@dataclass(frozen=True)
class GateReport:
    """``evidence.verdict`` PASS: open for good. ``final``: waiting longer cannot help. ``waited``: seconds."""

    node: str
    evidence: Evidence
    final: bool
    waited: float


Assess = Callable[[World, OperationView, Gate, StepWorld], Evidence]

_KINDS: Mapping[str, Assess] = {
    "guard_alive": assess.guard_alive,
    "ready": assess.ready,
    "reachable": assess.reachable,
    "answering": assess.answering,
    "capacity": assess.capacity,
    "drained": assess.drained,
    "evidence": assess.evidence,
    "bake": assess.bake,
    "exposure": assess_exposure.exposure,
    "data": assess_data.data,
    "rung": assess_rung.rung,
    "replication": assess_moving.replication,
    "scaled": assess_moving.scaled,
    "capacity_of": assess_moving.capacity_of,
    "region_health": assess_moving.region_health,
    "admission_room": assess_admission.admission_room,
    "admission_health": assess_moving.region_health,
    "one_writer": assess_moving.one_writer,
    "returned": assess_moving.returned,
    "ledger_closed": assess_moving.ledger_closed,
    "consistent": assess_consistency.consistent,
}


def look_at_gate(world: World, operation: str, node_id: str, *, actor: str) -> GateReport:
    """Assess a gate once. A pass and a final failure are journalled, each once.

    Raises ``NotYet`` while a predecessor is not verified, ``Paused`` while a person holds the operation (``within``
    does not run on meanwhile), ``LeaseLost`` if it is on its way back.
    """
    turn_if_incomplete(world, operation, node_id, actor=actor)
    view = require(fold_operation(world.journal.events(world.service, operation=operation)), operation)
    gate, settled = _settled(world, view, node_id, actor)
    if settled is not None:
        return GateReport(node_id, settled, True, 0.0)
    now = world.clock.now()
    with context.at(operation, view.traceparent, node_id):
        evidence = _assess(world, view, gate)
    since = _waiting_since(view, node_id)
    waited = now - since - view.paused_since(since)
    return _conclude(world, view, gate, evidence, waited, actor)


def _settled(world: World, view: OperationView, node_id: str, actor: str) -> tuple[Gate, Evidence | None]:
    stage, node = view.plan.node(node_id)
    if not isinstance(node, Gate):
        raise Refused(f"{node_id} is a {type(node).__name__.lower()}, not a gate")
    if view.verified(node_id):
        return node, Evidence(Verdict.PASS, f"open already: {view.node(node_id).detail}", None)
    if why := not_needed(view, stage, node):
        return node, Evidence(Verdict.PASS, _pass_over(world, view, node, why, actor), None)
    carries(view, actor)
    rules.may_run(view, stage, node_id)
    return node, None


def _assess(world: World, view: OperationView, gate: Gate) -> Evidence:
    try:
        return _KINDS[gate.kind](world, view, gate, _reading_world(world, view))
    except KeyError:
        raise Refused(f"{gate.id}: unknown kind of gate {gate.kind!r}") from None
    except NotYet as error:
        return Evidence(Verdict.NO_DATA, str(error), None)
    except EffectError as error:
        return Evidence(Verdict.NO_DATA, f"could not look: {error}", None)


def _reading_world(world: World, view: OperationView) -> StepWorld:
    """A gate only looks, so its token is never used: epoch 0 would be refused everywhere."""
    facts = fold_facts(world.journal.events(world.service, kinds=FACT_KINDS))
    known = Known(
        baselines=tuple(b.release for b in facts.baselines),
        vetoed=facts.vetoed,
        left_split=view.left_split,
        facts=view.facts,
        demand=guarding.fresh_demand(world.journal, world.service, world.clock.now()),
        burn=view.burn,
    )
    return step_world(world, view, known, Token(0, view.id))


def _waiting_since(view: OperationView, node_id: str) -> float:
    """When the node before this one was settled: that is when the wait began, also across retries. A rung that a person
    has looked at, and wants judged again, is given its time anew."""
    since = view.opened_at
    for _, node in view.plan.nodes():
        if node.id == node_id:
            anew = isinstance(node, Gate) and node.kind == "rung"
            return max(since, view.node(node_id).at or since) if anew else since
        since = max(since, view.node(node.id).at or since)
    return since


def _conclude(
    world: World, view: OperationView, gate: Gate, evidence: Evidence, waited: float, actor: str
) -> GateReport:
    if evidence.verdict is Verdict.PASS:
        _append(world, view, gate, EventKind.GATE_OPENED, evidence, actor)
        return GateReport(gate.id, evidence, True, waited)
    timed_out = waited > gate.within
    if evidence.verdict is Verdict.FAIL or timed_out:
        if timed_out and evidence.verdict is not Verdict.FAIL:
            why = f"no pass within {gate.within:g} s: {evidence.why}"
            evidence = Evidence(Verdict.FAIL, why, evidence.observed_at, evidence.readings)
        _append(world, view, gate, EventKind.GATE_FAILED, evidence, actor)
        return GateReport(gate.id, evidence, True, waited)
    return GateReport(gate.id, evidence, False, waited)


def _pass_over(world: World, view: OperationView, gate: Gate, why: str, actor: str) -> str:
    with world.journal.locked(world.service) as txn:
        now = _unsettled(txn, view, gate.id)
        return record_nothing(txn, now, gate, why, actor) if now else view.node(gate.id).detail


def _append(world: World, view: OperationView, gate: Gate, kind: EventKind, evidence: Evidence, actor: str) -> None:
    shown = evidence_json(evidence)
    body = {"node": gate.id, "detail": evidence.why, "evidence": shown, "evidence_digest": digest(shown)}
    with world.journal.locked(world.service) as txn:
        now = _unsettled(txn, view, gate.id)
        if now is None:
            return
        rules.not_held(now, gate.id)
        if gate.kind == "rung":
            row = assess_rung.judged_row(gate, evidence, opened=kind is EventKind.GATE_OPENED)
            txn.append(EventKind.RUNG_JUDGED, row, actor=actor, operation=view.id)
        txn.append(kind, body, actor=actor, operation=view.id)


def _unsettled(txn: Transaction, view: OperationView, node_id: str) -> OperationView | None:
    """The operation as it is under the lock; None if somebody else has settled the gate meanwhile."""
    now = require(fold_operation(txn.events(operation=view.id)), view.id)
    if now.verified(node_id):
        return None
    if now.plan.node(node_id)[0].phase is Phase.FORWARD and now.state is not OperationState.RUNNING:
        raise LeaseLost(f"operation {view.id} is on its way back: {now.why_back}")
    return now
