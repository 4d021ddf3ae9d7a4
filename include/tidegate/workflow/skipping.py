"""Which tasks stand for a node, and how those that nobody needs are passed over.

Airflow's own skip spreads to whatever comes after it, the next task that is needed included. So every skip names its
tasks, and every task of a chain goes on behind a skipped one (trigger rule ``none_failed``).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NoReturn

from airflow.sdk.exceptions import DownstreamTasksSkipped

from tidegate.plan.model import ApprovalNode, Node, Plan


def task_ids(node: Node) -> list[str]:
    """A task for each node, and for an approval one for each yes: ``wave-1.approve-50``, ``wave-1.approve-50-2`` …"""
    more = range(2, node.quorum + 1) if isinstance(node, ApprovalNode) else ()
    return [node.id, *(f"{node.id}-{n}" for n in more)]


def nodes_behind(plan: Plan, node_id: str | None) -> list[Node]:
    """Nodes after this one, in plan order; all of them if None."""
    nodes = [node for _, node in plan.nodes()]
    return nodes if node_id is None else nodes[[n.id for n in nodes].index(node_id) + 1 :]


def skip(nodes: Iterable[Node]) -> NoReturn:
    """Raises Airflow's signal: the task that raises it has succeeded, the tasks of ``nodes`` are skipped."""
    tasks = [task_id for node in nodes for task_id in task_ids(node)]
    raise DownstreamTasksSkipped(tasks=tasks)  # type: ignore[no-untyped-call]
