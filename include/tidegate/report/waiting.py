"""What the operation is waiting for right now, in numbers: have, need, and what is still missing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.engine.assess import from_journal
from tidegate.engine.assess_exposure import from_journal as exposure_from_journal
from tidegate.engine.view import OperationView
from tidegate.journal.store import Journal
from tidegate.model.verdict import evidence_json
from tidegate.plan.model import Gate
from tidegate.report.planned import ahead

# Kinds of gate whose evidence lies in the journal, so that it can be shown from there.
MEASURED = ("evidence", "bake", "exposure")


def in_words(view: OperationView, gate: Mapping[str, Any] | None, now: float) -> str:
    """What the node that is next waits for; empty if that is not known from the journal."""
    left = ahead(view)
    if gate is not None:
        missing = "; ".join(r["missing"] for r in gate["readings"] if r["missing"])
        return f"Nothing to do: {gate['node']} waits for {missing}." if missing else ""
    if left and left[0].id in view.requested and left[0].id not in view.refused_by:
        request = view.requested[left[0].id]
        minutes = max(0.0, request["expires_at"] - now) / 60
        people = f"{request['quorum']} of {', '.join(request['people'])}"
        return f"{people} must say yes to {left[0].id} within {minutes:.0f} min: in Airflow, Required Actions."
    return ""


def waiting(journal: Journal, view: OperationView, now: float) -> dict[str, Any] | None:
    """Of the gate that is next, as it would be assessed now; None if no such gate is next."""
    left = ahead(view)
    if not left or not isinstance(left[0], Gate) or left[0].kind not in MEASURED:
        return None
    gate = left[0]
    look = exposure_from_journal if gate.kind == "exposure" else from_journal
    return {"node": gate.id, "within": gate.within, **evidence_json(look(journal, view, gate, now))}
