"""Something happens to the estate and nobody asks for anything: what is common to such scenarios."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from lab.progress import Progress
from lab.story import measure
from lab.story.desk import Desk
from lab.story.drawing import timeline
from lab.story.measure import Ran
from lab.story.scenario import Expectation, Scenario
from lab.story.stage import SERVICE, Stage
from lab.story.verdict import complaints
from tidegate.engine.view import OperationView
from tidegate.errors import NotSettled
from tidegate.journal.model import EventKind

UNMOVED = "unmoved"
PROTECTED_WITHIN = 300.0  # seconds
_NEVER = dict.fromkeys(("first_bad_to_verdict", "verdict_to_safe", "in_airflow", "in_effects"))
_PROTECT = Scenario(
    "protect", "writes wait for the standby", "reprotect", {"reason": "set up"}, Expectation("reprotected", "")
)


def protect(stage: Stage, progress: Progress) -> None:
    """Reprotect: from now on it is on record that writes wait for the standby."""
    desk = Desk(stage.lab, stage.load_dir.parent / "desk", progress, "cat")
    request_id = f"protect-{uuid.uuid4().hex[:8]}"
    if desk.ask(_PROTECT, request_id).wait(PROTECTED_WITHIN) != 0:
        raise NotSettled(f"the service is not protected: {desk.said(request_id)}")


def row(
    stage: Stage,
    scenario: Scenario,
    window: tuple[float, float],
    probe: dict[str, Any],
    seconds: dict[str, Any],
    view: OperationView | None,
    outcome: str,
    *,
    found: Mapping[str, Any] | None = None,
    wrong: Sequence[str] = (),
) -> dict[str, Any]:
    """The scenario's row in the report. ``window``: since and until when users are counted, epoch seconds. ``view``:
    the operation that somebody opened by itself, None if nobody did. ``found``: what else is told; ``wrong``: what
    of it is not as it should be."""
    since, until = window
    events = stage.events(view.id) if view else []
    told: dict[str, Any] = {
        "name": scenario.name,
        "title": scenario.title,
        "expected": scenario.expected,
        "outcome": outcome,
        "rung": None,
        "operation": view.id if view else None,
        "reason": view.why_back if view else None,
        **measure.users(stage, Ran("", "", "", since, until, {})),
        "writers": stage.writers(),
        "checks": measure.checks(events) | {"gate_seconds": None},
        "seconds": {**_NEVER, "total": round(until - since, 1), **seconds},
        "effects": measure.effects(stage, view),
        "schema": {"differs": [], "revision": None},
        "dag_runs": [],
        "exit_codes": None,
        "timeline": timeline(view, events, since),
        "writer_probe": probe,
        **(found or {}),
    }
    said = [*complaints(scenario, told, view, stage.routes_written(view.id) if view else []), *wrong]
    return {**told, "ok": not said, "why": "; ".join(said) or "as expected"}


def opened_since(stage: Stage, before: int) -> str:
    """Kinds of the operations that anybody has opened behind this row of the journal, or :data:`UNMOVED`."""
    opened = stage.journal.events(SERVICE, kinds={EventKind.OPERATION_OPENED})
    return ", ".join(str(event.body["kind"]) for event in opened if event.seq > before) or UNMOVED
