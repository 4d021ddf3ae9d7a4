"""The runbook of a DAG, rendered from its plan: what each task does, what each gate waits for, what to do when red."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.model.operation import OperationKind
from tidegate.plan.describe import WAITS_FOR
from tidegate.plan.model import ApprovalNode, Gate, Node, Phase, Plan, Stage, Step
from tidegate.policy.load import Loaded
from tidegate.steps.registry import verb

_RED = """
## When a task is red

1. Open its log: it says whether anything changed, and what to do next.
2. The link **Tidegate report** on the task shows the whole operation.
3. Clear the task (with its downstream tasks) to have it look, and try, again. What is done already is not done twice.
4. Marking a task green does nothing: each task asks the journal whether the one before it was verified. An approval
   that is marked green approves nothing.
5. Without Airflow: `tidegate status <service>`, then
   `tidegate break-glass <service> <operation> --by <name> --reason <why>`.
6. With what each step took before, its way back, and people's notes: `tidegate runbook <service>`.
"""


_MOVES = {
    OperationKind.SWITCHOVER: (
        "Moves the service to its other region as planned, and home again: traffic first, by steps, then the writer. "
        "Nothing is lost. Until the old primary is stopped it turns back by itself where anything fails; from there on "
        "it only goes forward, and a red task is cleared, or the operation carried on from a terminal."
    ),
    OperationKind.FAILOVER: (
        "A region is lost, the other one takes over. People are asked unless it is proved that nothing is lost: the "
        "old primary is fenced, and the new one has every write. It takes the service at once from whatever is under "
        "way; what that leaves undone is made up for by `reprotect__`. It has no way back: a switchover leads home."
    ),
    OperationKind.REPROTECT: (
        "The region that was lost comes back: its database follows the one that takes writes, its release runs again, "
        "and what superseded operations left is cleared away. What the old primary alone had is gone afterwards."
    ),
}


def runbook(loaded: Loaded, plan: Plan) -> str:
    """Markdown."""
    return "\n".join(_lines(loaded, plan)) + "\n" + _RED


def _lines(loaded: Loaded, plan: Plan) -> Iterator[str]:
    policy = loaded.policy
    yield f"# {plan.kind.value.capitalize()} of {policy.service}"
    if loaded.stale:
        yield ""
        yield f"**The policy file is broken; this is its last good state.** `{_plain(str(loaded.error))}`"
    yield ""
    yield policy.description
    yield ""
    yield _intent(plan.kind)
    for stage in plan.stages:
        yield ""
        yield f"## {stage.title} (`{stage.id}`{', the way back' if stage.phase is Phase.RETURN else ''})"
        yield ""
        yield from (_line(stage, node) for node in stage.nodes)
    yield ""
    yield f"Policy `{plan.policy_digest}`, plan `{plan.digest}`."


def _intent(kind: OperationKind) -> str:
    if kind is OperationKind.PROMOTION:
        return (
            "Weights grow behind gates. If a gate, a step or an approval fails, the guard or the group `return` takes "
            "the traffic and the release back, and the run ends failed with the reason."
        )
    if kind is OperationKind.CONTRACT:
        return (
            "Takes away from the schema what only older releases need. Once the migration has run, no rollback goes to "
            "a baseline from before it: people are asked first."
        )
    if kind in _MOVES:
        return _MOVES[kind]
    return "Goes back to a certified baseline: traffic first, then the release; the data is checked after each."


def _line(stage: Stage, node: Node) -> str:
    name = f"`{node.id.removeprefix(stage.id + '.')}`"
    if isinstance(node, Step):
        back = "" if not node.effect else f" ({node.reversibility.value.replace('_', ' ')})"
        return f"- {name}: {verb(node.verb).describe(node.args)}{back}"
    if isinstance(node, Gate):
        return f"- {name}: waits until {WAITS_FOR.get(node.kind, node.kind)}; gives up after {node.within:g} s"
    return f"- {name}: {_asks(node)}"


def _asks(node: ApprovalNode) -> str:
    people = ", ".join(node.people)
    return f"asks {people}; {node.quorum} must say yes within {node.within:g} s, none of them the requester"


def _plain(text: str) -> str:
    return text.replace("`", "'").replace("\n", " ")
