"""The gate behind a step of exposure: what the guard knows of those who see what is behind each flag."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.engine import guarding
from tidegate.engine.ladder import opened
from tidegate.engine.view import OperationView
from tidegate.engine.world import World
from tidegate.journal.store import Journal
from tidegate.judge.gate import GateRequirement, assess
from tidegate.model.verdict import Evidence, SignalReading, Verdict
from tidegate.plan.model import Gate
from tidegate.steps.contract import StepWorld


def exposure(world: World, view: OperationView, gate: Gate, seen: StepWorld) -> Evidence:
    """What the guard has left in the journal, against what the policy asks for at this step."""
    return from_journal(world.journal, view, gate, world.clock.now())


def from_journal(journal: Journal, view: OperationView, gate: Gate, now: float) -> Evidence:
    """Every flag that the release opens, in every region. It takes the journal alone: no estate, no lease."""
    row = journal.evidence(view.service, view.id, guarding.EXPOSURE)
    documents: Mapping[str, Any] = row["flags"] if row else {}
    stale_after = float(view.plan.settings["judge"]["stale_after"])
    found = {
        (key, region): assess(_requirement(gate, region), documents.get(key), now, stale_after)
        for key in opened(view)
        for region in view.plan.settings["region_order"]
    }
    if not found:
        return Evidence(Verdict.NO_DATA, "which flags the release opens is not known", None)
    return _together(found)


def _together(found: Mapping[tuple[str, str], Evidence]) -> Evidence:
    readings = tuple(
        SignalReading(
            f"{key} {region} {reading.signal}", reading.verdict, reading.why, reading.figures, reading.missing
        )
        for (key, region), one in found.items()
        for reading in one.readings
    )
    order = (Verdict.FAIL, Verdict.NO_DATA, Verdict.INCONCLUSIVE, Verdict.PASS)
    verdict = min((one.verdict for one in found.values()), key=order.index)
    worst = [f"{key}, {region}: {one.why}" for (key, region), one in found.items() if one.verdict is verdict]
    seen = [one.observed_at for one in found.values() if one.observed_at is not None]
    return Evidence(verdict, worst[0] if worst else "", min(seen, default=None), readings)


def _requirement(gate: Gate, region: str) -> GateRequirement:
    args = gate.args
    return GateRequirement(
        requests=args["requests"],
        sessions=args["sessions"],
        per_endpoint=args["per_endpoint"],
        not_worse_by=args["not_worse_by"],
        confidence=args["confidence"],
        region=region,
        full_weight=args["full_weight"],
        endpoints=tuple(args["endpoints"]),
    )
