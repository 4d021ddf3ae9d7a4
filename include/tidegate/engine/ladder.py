"""The ladder's rules: which nodes of a way back are not needed, which regions it is about. Pure.

What has been changed is read from what the journal shows as *begun*, never from what a step found when it looked: a
step that was killed after its effect looks, and finds everything done.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tidegate.engine.fast_track import passed_over
from tidegate.engine.partial import stays
from tidegate.engine.told import NodeState
from tidegate.engine.unneeded_admission import all_admitted
from tidegate.engine.view import OperationView
from tidegate.model.ladder import Rung
from tidegate.model.operation import OperationKind, OperationState
from tidegate.plan.exposure import OF_FLAGS
from tidegate.plan.model import Gate, Node, Phase, Stage, Step
from tidegate.plan.names import LEDGER_CLOSED_NODE, LEDGER_DATA_NODE, LEDGER_NODE
from tidegate.plan.return_path import WAY_BACK
from tidegate.steps.flag_exposure import ADMITTED, EXPOSES

RETURN = "return"
CONCLUDE = "return.conclude"
OF_A_LEDGER = frozenset({LEDGER_CLOSED_NODE, LEDGER_DATA_NODE})


_COMMITTED = {
    OperationKind.SWITCHOVER: "the writer has moved",
    OperationKind.RESTORE: "the restored database is the live one",
}


def not_needed(view: OperationView, stage: Stage, node: Node) -> str:
    """Why a node is not needed, in words; empty if it is: nodes of a way back, all those of a rollback whose wish came
    true when a promotion gave way to it, and the canary steps of a fast track."""
    if view.state is OperationState.CLOSED:
        return ""
    if view.binding.settled_by and view.state is OperationState.RUNNING:
        return f"{view.binding.settled_by} gave way, and its way back ended at {view.binding.stable.version}"
    if stage.phase is Phase.RETURN:
        if view.state is OperationState.RUNNING and (view.forward_complete or view.committed):
            return _COMMITTED.get(view.kind, "the release is a baseline")
        if not view.touched:
            return "nothing had been touched"
    if isinstance(node, Step | Gate) and node.args.get(OF_FLAGS) and view.certified and not opened(view):
        return "the release opens no flag"
    if why := stays(view, stage, node):
        return why
    if node.id in OF_A_LEDGER and view.facts.get(LEDGER_NODE, {}).get("owed") is False:
        return "no write was lost"
    return _on_the_ladder(view, stage, node) or passed_over(view, stage, node) or all_admitted(view, stage, node)


def _on_the_ladder(view: OperationView, stage: Stage, node: Node) -> str:
    if stage.id != RETURN or node.id == CONCLUDE:
        return ""
    if view.stopped_at is not None:
        return f"the ladder stopped at {view.stopped_at.value}"
    if isinstance(node, Step) and node.args.get(WAY_BACK) == "touched":
        region = node.args["region"]
        return "" if region in touched_regions(view) else f"this operation has never touched {region}"
    if isinstance(node, Gate) and node.kind == "rung":
        rung = Rung(node.args["rung"])
        skipped = not changed_by(view, rung) and not (node.args["last"] and unrestored(view))
        return f"the rung {rung.value} had nothing to take back" if skipped else ""
    return ""


def unrestored(view: OperationView) -> bool:
    """Whether an earlier rung was judged, and found not to be enough."""
    return any(judged.then == "next" for judged in view.rungs)


def touched_regions(view: OperationView) -> frozenset[str]:
    """Regions in which the operation has begun to deploy its candidate. A rollback leaves a release that is
    everywhere."""
    if view.kind is OperationKind.ROLLBACK:
        return frozenset(view.plan.settings["region_order"])
    return frozenset(str(step.args["region"]) for step in _begun(view, "deploy_release") if _of_candidate(step))


def changed_by(view: OperationView, rung: Rung) -> bool:
    """Whether there is anything that this rung takes back: then it is judged."""
    if rung is Rung.FLAGS:
        return exposing(view) or _changed(view.node("return.flags"))
    if rung is Rung.TRAFFIC:
        return view.kind is OperationKind.ROLLBACK or any(_begun(view, "shift_traffic"))
    if rung is Rung.RELEASE:
        return view.kind is OperationKind.ROLLBACK or any(_of_candidate(s) for s in _begun(view, "deploy_release"))
    if rung is Rung.SCHEMA:
        return _changed(view.node("return.schema")) or _changed(view.node("return.repair"))
    return True


def met_by_users(view: OperationView) -> bool:
    """Whether users may have met anything of this operation: more was begun than to deploy a release beside the one
    that serves. If not, there is nothing to ask them."""
    if view.kind is OperationKind.ROLLBACK:
        return True
    forward = (n for s, n in view.plan.nodes() if s.id != RETURN and isinstance(n, Step) and n.effect)
    begun = (n for n in forward if view.node(n.id).status != "open" and not view.node(n.id).nothing_to_do)
    return any(not (n.verb == "deploy_release" and _of_candidate(n)) for n in begun)


def exposing(view: OperationView) -> bool:
    """Whether the operation has begun to show a flag."""
    return any(_begun(view, "raise_exposure"))


def expanding(view: OperationView) -> bool:
    """Whether the operation has begun to expand the schema."""
    return any(_begun(view, "migrate_schema"))


def opened(view: OperationView) -> tuple[str, ...]:
    """The flags that the release opens, as its admission found; none before."""
    return tuple(view.node(ADMITTED).facts.get(EXPOSES, {})) if view.verified(ADMITTED) else ()


def debts(view: OperationView) -> dict[str, Mapping[str, Any]]:
    """What was left undone because a region did not answer, by node id: ``region``, ``what``, ``why``."""
    return {node_id: facts["debt"] for node_id, facts in view.facts.items() if "debt" in facts}


def _changed(state: NodeState) -> bool:
    """A verb of a rung says in its facts whether there was anything to take back."""
    return state.status == "verified" and bool(state.facts.get("changed"))


def _begun(view: OperationView, verb: str) -> Iterator[Step]:
    for stage, node in view.plan.nodes():
        if stage.id != RETURN and isinstance(node, Step) and node.verb == verb:
            state = view.node(node.id)
            if state.status != "open" and not state.nothing_to_do:
                yield node


def _of_candidate(step: Step) -> bool:
    return bool(step.args.get("role") == "candidate")
