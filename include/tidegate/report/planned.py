"""The plan with the position in it: which node the operation stands at, what is done, what is left."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tidegate.engine.view import OperationView
from tidegate.journal.model import Event, EventKind
from tidegate.model.operation import OperationState
from tidegate.plan.model import ApprovalNode, Gate, Node, Phase, Stage, Step
from tidegate.steps.registry import verb

_GATES = (EventKind.GATE_OPENED, EventKind.GATE_FAILED)


def ahead(view: OperationView) -> list[Node]:
    """Nodes of the way that the operation is on which are not verified yet, in order; none once it is closed."""
    if view.state is OperationState.CLOSED:
        return []
    phase = Phase.RETURN if view.state is OperationState.STOPPING else Phase.FORWARD
    return [node for stage, node in view.plan.nodes() if stage.phase is phase and not view.verified(node.id)]


def position(view: OperationView) -> dict[str, Any] | None:
    """``node``: where it stands; ``done`` of ``of`` nodes on this way. None once it is closed."""
    left = ahead(view)
    if view.state is OperationState.CLOSED:
        return None
    phase = Phase.RETURN if view.state is OperationState.STOPPING else Phase.FORWARD
    way = [node for stage, node in view.plan.nodes() if stage.phase is phase]
    here = left[0] if left else None
    return {
        "way": phase.value,
        "node": here.id if here else None,
        "meaning": meaning(here) if here else "the outcome is about to be written",
        "status": view.node(here.id).status if here else "open",
        "done": len(way) - len(left),
        "of": len(way),
        "left": [node.id for node in left],
    }


def plan_document(view: OperationView, events: Iterable[Event]) -> dict[str, Any]:
    """Stages with their nodes: status, words, seconds after the start, and the evidence of the gates."""
    evidence = {e.body["node"]: e.body["evidence"] for e in events if e.kind in _GATES and e.body.get("evidence")}
    left = ahead(view)
    here = left[0].id if left else ""
    stages = [_stage(view, stage, evidence, here) for stage in view.plan.stages]
    return {"digest": view.plan_digest, "objectives": dict(view.plan.settings["objectives"]), "stages": stages}


def _stage(view: OperationView, stage: Stage, evidence: Mapping[str, Any], here: str) -> dict[str, Any]:
    return {
        "id": stage.id,
        "title": stage.title,
        "phase": stage.phase.value,
        "done": sum(view.verified(node.id) for node in stage.nodes),
        "of": len(stage.nodes),
        "nodes": [_node(view, node, evidence.get(node.id), here) for node in stage.nodes],
    }


def _node(view: OperationView, node: Node, evidence: Any, here: str) -> dict[str, Any]:
    state = view.node(node.id)
    return {
        "id": node.id,
        "type": type(node).__name__.removesuffix("Node").lower(),
        "meaning": meaning(node),
        "status": state.status,
        "here": node.id == here,
        "after": None if state.at is None else round(state.at - view.opened_at, 1),
        "detail": state.detail,
        "nothing_to_do": state.nothing_to_do,
        "evidence": evidence,
    }


def meaning(node: Node) -> str:
    """What the node is for, in words."""
    if isinstance(node, Step):
        return verb(node.verb).describe(node.args)
    if isinstance(node, Gate):
        return f"gate: {node.kind.replace('_', ' ')}, at most {node.within:g} s"
    assert isinstance(node, ApprovalNode)
    return f"approval: {node.quorum} of {', '.join(node.people)}"
