"""Nodes that turn out not to be needed are said to be so at once, and not one after the other.

A task of Airflow costs seconds, even one that only says "nothing to do", and a way back that nobody needs is some
twenty of them. So whoever has settled a node records those behind it that are not needed, up to the first that is.
"""

from __future__ import annotations

from typing import Any

from tidegate.engine.ladder import not_needed
from tidegate.engine.view import OperationView, fold_operation, require
from tidegate.engine.world import World
from tidegate.journal.model import EventKind
from tidegate.journal.store import Transaction
from tidegate.model.canonical import digest
from tidegate.model.verdict import Evidence, Verdict, evidence_json
from tidegate.plan.model import Node, Stage, Step


def record_unneeded(world: World, operation: str, after: str, *, actor: str) -> tuple[Node, ...]:
    """Record what is not needed right behind the node ``after``, in plan order, and return it: also what was recorded
    as such before. Empty if ``after`` itself is not settled, or if the node behind it is needed."""
    view = require(fold_operation(world.journal.events(world.service, operation=operation)), operation)
    if not view.verified(after) or _next_unneeded(view, after) is None:
        return ()
    found: list[Node] = []
    with world.journal.locked(world.service) as txn:
        view = require(fold_operation(txn.events(operation=operation)), operation)
        while (unneeded := _next_unneeded(view, after)) is not None:
            node, why = unneeded
            if why:
                record_nothing(txn, view, node, why, actor)
                view = require(fold_operation(txn.events(operation=operation)), operation)
            found.append(node)
            after = node.id
    return tuple(found)


def record_nothing(txn: Transaction, view: OperationView, node: Node, why: str, actor: str) -> str:
    """One row that says why a step or a gate was not needed. Returns its words."""
    detail = f"nothing to do: {why}"
    body: dict[str, Any] = {"node": node.id, "detail": detail, "nothing_to_do": True}
    if isinstance(node, Step):
        txn.append(EventKind.STEP_VERIFIED, body, actor=actor, operation=view.id)
        return detail
    shown = evidence_json(Evidence(Verdict.PASS, detail, None))
    body |= {"evidence": shown, "evidence_digest": digest(shown)}
    txn.append(EventKind.GATE_OPENED, body, actor=actor, operation=view.id)
    return detail


def _next_unneeded(view: OperationView, after: str) -> tuple[Node, str] | None:
    """The node behind ``after`` and why it is not needed; no words if the journal says so already."""
    behind = _behind(view, after)
    if behind is None:
        return None
    stage, node = behind
    if view.verified(node.id):
        return (node, "") if view.node(node.id).nothing_to_do else None
    why = not_needed(view, stage, node)
    return (node, why) if why else None


def _behind(view: OperationView, node_id: str) -> tuple[Stage, Node] | None:
    nodes = list(view.plan.nodes())
    place = next(n for n, (_, node) in enumerate(nodes) if node.id == node_id)
    return nodes[place + 1] if place + 1 < len(nodes) else None
