"""A critical section: several steps, each journalled, by one actor and one right after the other.

Between fence and promotion nobody takes writes; a task of Airflow costs seconds. So whoever runs the first step of a
section, a task, a terminal or the guard, runs the rest of it too, and the tasks behind find it done.
"""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.engine import rules
from tidegate.engine.approve import request_approval
from tidegate.engine.execute import StepReport, run_step
from tidegate.engine.view import OperationView, fold_operation, require
from tidegate.engine.world import World
from tidegate.plan.model import ApprovalNode, Node, Step


def run_section(
    world: World, operation: str, first_node: str, *, actor: str, attempt: int | None = None
) -> list[StepReport]:
    """Run ``first_node`` and, if it belongs to a section, the nodes behind it up to the section's end. An approval in
    the middle is passed if nobody has to be asked, and ends the run if somebody does: run it again once they have said
    yes, from any of its nodes. What is done already is not done twice.

    Raises as :func:`~tidegate.engine.execute.run_step`, for whichever step it was. ``attempt``: of the first node.
    """
    reports = [run_step(world, operation, first_node, actor=actor, attempt=attempt)]
    for node in list(_rest(_read(world, operation), first_node)):
        if isinstance(node, Step):
            reports.append(run_step(world, operation, node.id, actor=actor))
        elif not _passed(world, operation, node, actor):
            break
    return reports


def _rest(view: OperationView, first: str) -> Iterator[Node]:
    """The nodes behind ``first`` that are of its section, with the approvals between them."""
    nodes = [node for _, node in view.plan.nodes()]
    place = next(n for n, node in enumerate(nodes) if node.id == first)
    head = nodes[place]
    name = head.section if isinstance(head, Step) else ""
    behind = nodes[place + 1 :]
    members = [n for n, node in enumerate(behind) if name and isinstance(node, Step) and node.section == name]
    for node in behind[: members[-1] + 1 if members else 0]:
        inside = isinstance(node, ApprovalNode) or (isinstance(node, Step) and node.section == name)
        if not inside:
            return
        yield node


def _passed(world: World, operation: str, node: Node, actor: str) -> bool:
    assert isinstance(node, ApprovalNode)
    view = _read(world, operation)
    if rules.not_asked(view, node) and not view.verified(node.id):
        request_approval(world, operation, node.id, actor=actor)
    return rules.approved(_read(world, operation), node)


def _read(world: World, operation: str) -> OperationView:
    return require(fold_operation(world.journal.events(world.service, operation=operation)), operation)
