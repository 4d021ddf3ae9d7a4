"""What the people who are asked get to see: what would happen, and what was measured until now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from tidegate.engine.moving import loss_in_words
from tidegate.engine.objectives import recovery_of
from tidegate.engine.view import OperationView
from tidegate.engine.world import World
from tidegate.journal.model import EventKind
from tidegate.model.operation import MOVING, OperationKind
from tidegate.plan.model import Step
from tidegate.plan.names import APPROVE_EXPAND
from tidegate.report.objectives import larger, rpo_words, rto_words
from tidegate.steps.admit_contract import ADMIT_NODE
from tidegate.steps.registry import verb
from tidegate.steps.schema_range import PROVE_NODE


def approval_body(world: World, view: OperationView, node_id: str, request: Mapping[str, Any]) -> str:
    """Markdown. Whatever a person or a system wrote stands in code spans, so that it cannot pose as anything else."""
    return "\n".join(_lines(world, view, node_id, request))


def _lines(world: World, view: OperationView, node_id: str, request: Mapping[str, Any]) -> Iterator[str]:
    until = datetime.fromtimestamp(request["expires_at"], UTC).isoformat(timespec="seconds")
    yield f"**{_what(view)}** on `{view.service}`, "
    yield f"requested by {_code(view.requester)}: {_code(view.reason)}"
    yield f"Owner: {_code(world.policy.owners.of(view.kind))}"
    yield ""
    yield f"A yes allows: {_allowed(view, node_id)}. It is needed from {request['quorum']} of: " + ", ".join(
        _code(p) for p in request["people"]
    )
    yield f"Answer until {until}; no answer is a no. {_way_back(view, node_id)}"
    yield from _objectives(world, view)
    yield from (f"- {_code(fault)}" for fault in view.facts.get(PROVE_NODE, {}).get("faults", ()))
    yield ""
    yield "What was measured:"
    yield from _measured(world, view)
    yield ""
    yield f"Operation `{view.id}`, plan `{view.plan_digest}`, evidence `{request.get('evidence_digest', 'not kept')}`."


def _what(view: OperationView) -> str:
    kind, binding = view.kind.value.capitalize(), view.binding
    if view.kind in MOVING:
        kind += f" of the {binding.only} alone" if binding.only else ""
        return f"{kind} from {_code(binding.source)} to {_code(binding.target)}"
    return f"{kind} of {_code(binding.candidate_version)}"


def _way_back(view: OperationView, node_id: str) -> str:
    if view.kind in MOVING:
        return f"**Writes may be lost, and two may write at once.** {' '.join(map(_code, loss_in_words(view)))}"
    if view.kind is OperationKind.CONTRACT:
        closes = view.facts.get(ADMIT_NODE, {}).get("closes_versions", ())
        named = ", ".join(_code(version) for version in closes) or "no baseline"
        return f"**Point of no return**: it closes the rollback window. Afterwards no way leads back to {named}."
    back = f"The way back goes to {_code(view.binding.stable.version)}."
    faulty = node_id == APPROVE_EXPAND
    return f"{back} **But these migrations cannot be undone, or block a large table:**" if faulty else back


def _objectives(world: World, view: OperationView) -> Iterator[str]:
    """What would be lost beside the RPO, and how long users have been without the service beside the RTO."""
    found = recovery_of(world.journal, view, world.clock.now())
    if found is not None:
        yield f"- {'**' if larger(found) else ''}{_code(rpo_words(found))}{'**' if larger(found) else ''}"
        yield f"- {_code(rto_words(found))}"


def _allowed(view: OperationView, node_id: str) -> str:
    for _, node in view.plan.nodes():
        if isinstance(node, Step) and node.approval == node_id:
            return verb(node.verb).describe(node.args)
    return "the rest of the plan"


def _measured(world: World, view: OperationView) -> Iterator[str]:
    opened = world.journal.events(world.service, operation=view.id, kinds={EventKind.GATE_OPENED})
    for event in opened:
        yield f"- {event.body['node']}: {_code(event.body['detail'])}"
        for reading in event.body.get("evidence", {}).get("readings", ()):
            yield f"  - {reading['signal']}: {reading['verdict']}, {_code(reading['why'])}"
    if not opened:
        yield "- nothing yet"


def _code(text: object) -> str:
    return "`" + str(text).replace("`", "'").replace("\n", " ") + "`"
