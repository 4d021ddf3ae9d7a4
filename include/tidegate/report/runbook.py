"""A runbook as a document: of one service and one kind of operation, from policy, plan, and what the journal has.

Pure. Markdown, HTML, the DAG's description and the break-glass bundle are made from this one document.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tidegate.engine.view import CERTIFY_NODE
from tidegate.model.operation import GOOD_END, OperationKind
from tidegate.model.roles import Action
from tidegate.plan.describe import describe
from tidegate.plan.model import ApprovalNode, Gate, Node, Phase, Plan, Step
from tidegate.plan.names import FENCE_NODE
from tidegate.policy.quantities import duration_text
from tidegate.policy.schema import Policy
from tidegate.report.runbook_past import KindPast, Once
from tidegate.report.runbook_words import MEANT, WHO, Meant, begin, owner
from tidegate.report.shell import age

_TURNS = {
    OperationKind.PROMOTION: CERTIFY_NODE,
    OperationKind.SWITCHOVER: FENCE_NODE,
}  # once it is verified: only forward


@dataclass(frozen=True)
class Entry:
    """One node. ``lasts``: what it took before. ``command``: what carries it on from here."""

    node: str
    what: str
    expect: str
    lasts: str
    command: str
    back: str


@dataclass(frozen=True)
class Section:
    id: str
    title: str
    returning: bool
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class Runbook:
    """``red``: why nobody should trust it as it is; none if it may be trusted."""

    service: str
    kind: OperationKind
    plan: str
    policy: str
    description: str
    red: tuple[str, ...]
    meant: Meant
    owner: str
    may_begin: str
    may_approve: str
    look: str
    begin: str
    carry_on: str
    turn_back: str
    seen: str
    ends: str
    sections: tuple[Section, ...]
    history: tuple[tuple[str, str], ...]


def runbook(policy: Policy, plan: Plan, past: KindPast | None, now: float) -> Runbook:
    """``past``: None where nobody looked (a DAG is parsed without the journal). ``now``: epoch seconds."""
    kind, service = plan.kind, policy.service
    return Runbook(
        service=service,
        kind=kind,
        plan=plan.digest,
        policy=plan.policy_digest,
        description=policy.description,
        red=tuple(_red(policy, past, now)),
        meant=MEANT[kind],
        owner=owner(policy, kind),
        may_begin=_may(policy, Action.REQUEST),
        may_approve=_approvers(plan),
        look=f"tidegate status {service}",
        begin=begin(policy, kind),
        carry_on=f"tidegate resume OPERATION --take-over {WHO}",
        turn_back=f"tidegate abort {service} {WHO}" if kind in _TURNS else "",
        seen=f"tidegate status {service} --operation OPERATION",
        ends=GOOD_END[kind].value,
        sections=tuple(_sections(plan, past)),
        history=tuple(_history(past, now)),
    )


def _sections(plan: Plan, past: KindPast | None) -> Iterator[Section]:
    nodes = [node.id for _, node in plan.nodes()]
    turn = _TURNS.get(plan.kind, "")
    until = nodes.index(turn) if turn in nodes else -1
    for stage in plan.stages:
        entries = (_entry(node, past, _back(node, stage.phase, nodes.index(node.id) <= until)) for node in stage.nodes)
        yield Section(stage.id, stage.title, stage.phase is Phase.RETURN, tuple(entries))


def _entry(node: Node, past: KindPast | None, back: str) -> Entry:
    command = f"tidegate resume OPERATION --take-over {WHO}"
    if isinstance(node, ApprovalNode):
        command = f"tidegate approve OPERATION --node {node.id} --sign KEYFILE"
    return Entry(node.id, describe(node), _expect(node), _lasts(node, past), command, back)


def _expect(node: Node) -> str:
    if isinstance(node, ApprovalNode):
        return f"approved by {node.quorum}; nobody's silence is a yes"
    if isinstance(node, Gate):
        return "the gate opens; if it gives up, nothing behind it is done"
    return "read back from the system itself, then `verified`" if node.effect else "recorded as `verified`"


def _lasts(node: Node, past: KindPast | None) -> str:
    limit = "" if isinstance(node, Step) else f"; gives up after {duration_text(node.within)}"
    if past is None or isinstance(node, ApprovalNode):
        return limit.removeprefix("; ")
    found = past.seconds.get(node.id)
    if found is None:
        return f"never measured{limit}"
    return f"{found.median:.1f} s median, {found.most:.1f} s p95 (n={found.count}){limit}"


def _back(node: Node, phase: Phase, can_turn: bool) -> str:
    if phase is Phase.RETURN:
        return "this is the way back"
    kind = f"{node.reversibility.value.replace('_', ' ')}; " if isinstance(node, Step) and node.effect else ""
    return f"{kind}{'abort turns it back' if can_turn else 'only forward: carry it on'}"


def _may(policy: Policy, action: Action) -> str:
    if policy.roles is None:
        return "whoever has the journal's and the systems' addresses (the policy has no roles)"
    return ", ".join(sorted(policy.roles.who_may(action))) or "nobody (roles.operator is empty)"


def _approvers(plan: Plan) -> str:
    asked = [node for _, node in plan.nodes() if isinstance(node, ApprovalNode)]
    return "; ".join(f"{n.quorum} of {', '.join(n.people)} at {n.id}" for n in asked) or "nobody is asked"


def _red(policy: Policy, past: KindPast | None, now: float) -> Iterator[str]:
    """Only what the policy promises to rehearse, or was done before, can be overdue; the rest says NEVER below."""
    if past is None or policy.drills is None:
        return
    good = [one for one in past.drilled if one.good]
    every = policy.drills.every
    if not good:
        yield "NEVER drilled with success"
    elif now - good[-1].at > every:
        yield f"last drilled with success {age(now - good[-1].at)} ago; the policy says every {duration_text(every)}"


def _history(past: KindPast | None, now: float) -> Iterator[tuple[str, str]]:
    if past is not None:
        yield "Last for real", _once(past.real[-1] if past.real else None, now)
        yield "Last drilled", _once(past.drilled[-1] if past.drilled else None, now)
        failed = past.failed
        yield "Last failed", _once(failed, now) if failed else "never"


def _once(one: Once | None, now: float) -> str:
    if one is None:
        return "NEVER"
    return f"{age(now - one.at)} ago, `{one.operation}`, {'as meant' if one.good else one.why}"
