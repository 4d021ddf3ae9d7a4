"""A plan in words, one line a node: the same in the terminal and in a DAG's description."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.plan.model import ApprovalNode, Node, Phase, Plan, Step
from tidegate.steps.registry import verb


def lines(plan: Plan) -> Iterator[str]:
    """Stage by stage; the way back is marked as such."""
    yield f"{plan.kind.value} of {plan.service}, plan {plan.digest}"
    for stage in plan.stages:
        back = " (only if it is needed)" if stage.phase is Phase.RETURN else ""
        yield f"{stage.id}: {stage.title}{back}"
        for node in stage.nodes:
            yield f"  {node.id:28} {describe(node)}"


def describe(node: Node) -> str:
    """One line for people."""
    if isinstance(node, Step):
        return verb(node.verb).describe(node.args)
    if isinstance(node, ApprovalNode):
        return f"{node.quorum} of {', '.join(node.people)} approve within {node.within:g} s"
    return f"wait, at most {node.within:g} s: {WAITS_FOR[node.kind]}"


WAITS_FOR = {
    "guard_alive": "a standing guard is alive",
    "ready": "every instance reports the release's digest and is healthy at the edge",
    "answering": "router, metrics and at least one region's control answer",
    "reachable": "router, metrics and every region's control answer",
    "capacity": "the stable instances can take what comes back to them",
    "drained": "no request is in flight on the candidate any more",
    "evidence": "the guard's evidence suffices and no signal fails",
    "exposure": "the guard's evidence on those who see what is behind the flags suffices, and no signal fails",
    "bake": "no signal fails at full weight for long enough, over enough requests",
    "data": "every data check passes",
    "replication": "the standby streams, and is not too far behind",
    "scaled": "every instance that the region needs reports the stable release's digest and is healthy at the edge",
    "capacity_of": "the region has room for what the next step brings it",
    "region_health": "the region's own users are well since the move",
    "admission_room": "the region has room for the sessions that the next step admits",
    "admission_health": "those who are admitted are well since the step",
    "one_writer": "exactly one database takes writes, and it is the one that is meant",
    "ledger_closed": "people have said of each lost write what becomes of it",
    "returned": "the region's control answers again",
    "rung": "users are well and the data is whole, or the next rung follows",
}
