"""Approvals: the journal's record is the authority, whatever a task's colour says."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tidegate.engine import rules
from tidegate.engine.permission import may, permit, roles_of
from tidegate.engine.signatures import is_proved
from tidegate.engine.told import Approval
from tidegate.engine.view import OperationView, fold_operation, require
from tidegate.engine.world import World
from tidegate.errors import Refused
from tidegate.journal.model import Event, EventKind
from tidegate.journal.store import Transaction
from tidegate.model.canonical import digest
from tidegate.model.roles import Action
from tidegate.plan.model import ApprovalNode
from tidegate.plan.names import COMPARE_NODE, FENCE_LOST, MEASURE_NODE

_OF_THE_LOSS = (MEASURE_NODE, FENCE_LOST, COMPARE_NODE)
_SHOWN = frozenset({EventKind.GATE_OPENED, EventKind.STEP_VERIFIED})


def request_approval(world: World, operation: str, node_id: str, *, actor: str) -> dict[str, Any]:
    """Open the question, once; a second call returns the first request. The body names who may answer, and until when.

    Raises ``NotYet`` while a predecessor is not verified, ``Paused`` while a person holds the operation, ``LeaseLost``
    on a way back.
    """
    with world.journal.locked(world.service) as txn:
        view = require(fold_operation(txn.events(operation=operation)), operation)
        node = _approval_node(view, node_id)
        if node_id in view.requested:
            return dict(view.requested[node_id])
        if view.verified(node_id):
            return {"node": node_id, "detail": view.node(node_id).detail}
        rules.may_run(view, view.plan.node(node_id)[0], node_id)
        if why := rules.not_asked(view, node):
            body = {"node": node_id, "detail": f"nothing to do: {why}", "nothing_to_do": True}
            txn.append(EventKind.GATE_OPENED, body, actor=actor, operation=operation)
            return body
        people = [p for p in node.people if p != view.requester and may(world.policy, p, Action.APPROVE)]
        if len(people) < node.quorum:
            raise Refused(
                f"{node_id} needs {node.quorum} of {', '.join(node.people)} who still are approvers, "
                f"and not {view.requester} themselves",
                next_step="let somebody else request the operation, or name more people in the policy",
            )
        evidence = shown_evidence(txn.events(operation=operation, kinds=_SHOWN))
        body = {
            "node": node_id,
            "people": people,
            "quorum": node.quorum,
            "plan_digest": view.plan_digest,
            "evidence": evidence,
            "evidence_digest": digest(evidence),
            "expires_at": world.clock.now() + node.within,
        }
        txn.append(EventKind.APPROVAL_REQUESTED, body, actor=actor, operation=operation)
        return body


def give_approval(
    world: World,
    operation: str,
    node_id: str,
    *,
    person: str | None,
    plan_digest: str,
    actor: str,
    envelope: str = "",
) -> bool:
    """Record one person's yes. True once the quorum is there. Raises :class:`Refused` for who may not, or too late.
    ``envelope``: their signature (:mod:`tidegate.engine.signatures`); one that does not hold is refused.

    A yes that is given while the operation is paused counts: the step behind it waits for the end of the pause.
    """
    with world.journal.locked(world.service) as txn:
        view = require(fold_operation(txn.events(operation=operation)), operation)
        node = _approval_node(view, node_id)
        _may_answer(world, view, node, person, plan_digest)
        evidence = _same_evidence(txn, view, node_id)
        assert person is not None  # nobody may not answer
        roles = [role.value for role in roles_of(world.policy, person)]
        body = {"node": node_id, "person": person, "roles": roles, "plan_digest": plan_digest, **evidence}
        body |= {"envelope": envelope} if envelope else {}
        _signed_well(world, view, body)
        txn.append(EventKind.APPROVAL_GIVEN, body, actor=actor, operation=operation)
        return _open_if_enough(txn, operation, node, actor)


def _signed_well(world: World, view: OperationView, body: dict[str, Any]) -> None:
    if "envelope" not in body:
        return
    shown = body.get("evidence_digest", "")
    given = Approval(
        body["node"], body["person"], body["plan_digest"], world.clock.now(), True, shown, body["envelope"]
    )
    if not is_proved(world.policy, view, given):
        raise Refused(
            f"{given.node}: the signature is not {given.person}'s for this question",
            next_step=f"tidegate approve {view.id} --sign <key file>",
        )


def shown_evidence(opened: Iterable[Event]) -> list[dict[str, Any]]:
    """What the people who are asked are shown, by digest: each gate that has opened on evidence until now, and what was
    measured of a loss."""
    shown = []
    for e in opened:
        if e.kind is EventKind.STEP_VERIFIED and e.body["node"] in _OF_THE_LOSS:
            shown.append({"node": e.body["node"], "row": e.seq, "evidence_digest": digest(e.body["facts"])})
        elif "evidence_digest" in e.body:
            shown.append({"node": e.body["node"], "row": e.seq, "evidence_digest": e.body["evidence_digest"]})
    return shown


def _same_evidence(txn: Transaction, view: OperationView, node_id: str) -> dict[str, str]:
    """The digest of what was shown, if it is what the journal still shows; nothing for questions older than the digest.

    Raises :class:`Refused` if the evidence has changed since the question.
    """
    asked = view.requested[node_id].get("evidence_digest")
    if asked is None:
        return {}
    now = digest(shown_evidence(txn.events(operation=view.id, kinds=_SHOWN)))
    if now != asked:
        raise Refused(
            f"{node_id}: the answer is about the evidence {asked}, the journal shows {now}",
            next_step="look at the operation again; start a new one if it cannot go on",
        )
    return {"evidence_digest": asked}


def _open_if_enough(txn: Transaction, operation: str, node: ApprovalNode, actor: str) -> bool:
    view = require(fold_operation(txn.events(operation=operation)), operation)
    enough = rules.approved(view, node)
    if enough and not view.verified(node.id):
        people = sorted({a.person for a in view.approvals if a.node == node.id})
        body = {"node": node.id, "detail": f"approved by {', '.join(people)}"}
        txn.append(EventKind.GATE_OPENED, body, actor=actor, operation=operation)
    return enough


def refuse_approval(world: World, operation: str, node_id: str, *, person: str | None, why: str, actor: str) -> None:
    """Record a no, or that the time ran out (``person`` None). A no is final for the operation.

    Raises :class:`Refused` for a person who may not say yes: who may not allow it may not end it by a no either.
    """
    with world.journal.locked(world.service) as txn:
        view = require(fold_operation(txn.events(operation=operation)), operation)
        node = _approval_node(view, node_id)
        if person is not None:
            _is_asked(world, view, node, person)
        body = {"node": node_id, "person": person, "why": why}
        txn.append(EventKind.APPROVAL_REFUSED, body, actor=actor, operation=operation)


def may_answer(world: World, view: OperationView, node_id: str, person: str | None) -> None:
    """Raises :class:`Refused` for anybody whose answer means nothing: nobody named, the requester, somebody who was not
    asked or has lost the role, or who has said yes already."""
    node = _approval_node(view, node_id)
    if person is None:
        raise Refused(f"{node_id}: an answer without a person approves nothing")
    _is_asked(world, view, node, person)
    if any(given.node == node_id and given.person == person for given in view.approvals):
        raise Refused(f"{person} has approved {node_id} already", next_step="somebody else has to answer")


def _approval_node(view: OperationView, node_id: str) -> ApprovalNode:
    node = view.plan.node(node_id)[1]
    if not isinstance(node, ApprovalNode):
        raise Refused(f"{node_id} is no approval")
    return node


def _may_answer(world: World, view: OperationView, node: ApprovalNode, person: str | None, plan_digest: str) -> None:
    if person is None:
        raise Refused(f"{node.id}: an answer without a person approves nothing")
    _is_asked(world, view, node, person)
    if plan_digest != view.plan_digest:
        raise Refused(f"{node.id}: the answer is about plan {plan_digest}, the operation runs {view.plan_digest}")
    if view.time_is_over(node.id, world.clock.now()):
        raise Refused(f"{node.id}: the time to answer is over", next_step="start a new operation")


def _is_asked(world: World, view: OperationView, node: ApprovalNode, person: str) -> None:
    request = view.requested.get(node.id)
    if request is None:
        raise Refused(f"{node.id} has not been asked for yet")
    if person == view.requester:
        raise Refused(
            f"{person} requested {view.id} and may not approve it", next_step="ask " + ", ".join(request["people"])
        )
    if person not in node.people:
        raise Refused(f"{person} may not approve {node.id}", next_step="ask " + ", ".join(request["people"]))
    permit(world.policy, person, Action.APPROVE)
