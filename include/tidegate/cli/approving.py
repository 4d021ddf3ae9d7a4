"""``tidegate approve OPERATION``: what an open operation asks of people, and a yes by signature, without Airflow."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import typer

from tidegate.cli.person import actor
from tidegate.cli.service import find_paper
from tidegate.engine import rules
from tidegate.engine.approve import give_approval
from tidegate.engine.signatures import owner, signed_yes
from tidegate.engine.view import OperationView, fold_operation, require
from tidegate.errors import Refused
from tidegate.model.operation import chain_of, service_of
from tidegate.plan.model import ApprovalNode


def approve_by_signature(operation: str, sign: Path | None, node: str | None) -> None:
    """Without ``sign``: print what is asked. With it: record the yes of whose key that is. Takes the journal alone.

    Raises :class:`Refused` for a key that the policy does not name, and for whoever may not answer.
    """
    from tidegate.publishing.keys import key_from_file

    chain = chain_of(operation)
    if chain is None:
        raise Refused(f"{operation!r} is no operation's id", next_step="look: tidegate status <service>")
    world = find_paper(service_of(chain))
    view = require(fold_operation(world.journal.events(world.service, operation=operation)), operation)
    asked = _asked(view, node)
    typer.echo("\n".join(_question(view, asked)))
    if sign is None:
        typer.echo(f"next:  tidegate approve {operation} --sign KEYFILE")
        return
    key = key_from_file(sign)
    person = owner(world.policy, key)
    enough = give_approval(
        world, operation, asked.id, person=person, plan_digest=view.plan_digest, actor=actor(person),
        envelope=signed_yes(view, asked.id, person, key),
    )  # fmt: skip
    typer.echo(f"{person} has said yes to {asked.id}, signed")
    typer.echo(f"enough?  {'yes: whoever carries it goes on' if enough else 'no: another person has to sign'}")


def _asked(view: OperationView, node: str | None) -> ApprovalNode:
    """The question that is meant: the one named, or the one that is open."""
    every = [n for _, n in view.plan.nodes() if isinstance(n, ApprovalNode)]
    if node is not None:
        found = next((n for n in every if n.id == node), None)
    else:
        found = next((n for n in every if n.id in view.requested and not rules.approved(view, n)), None)
    if found is None:
        names = ", ".join(n.id for n in every) or "none at all"
        raise Refused(f"{view.id} asks nobody anything now (its approvals: {names})",
                      next_step=f"look: tidegate status {view.service}")  # fmt: skip
    return found


def _question(view: OperationView, node: ApprovalNode) -> Iterator[str]:
    request = view.requested.get(node.id, {})
    yield f"{view.id}: {node.id} asks {node.quorum} of {', '.join(node.people)}"
    yield f"  {view.kind.value} {view.binding.source} -> {view.binding.target}".rstrip(" ->")
    yield f"  asked for by {view.requester}: {view.reason}"
    for shown in request.get("evidence", ()):
        yield f"  {shown['node']}: {view.node(shown['node']).detail}"
    yield f"  plan {view.plan_digest}"
    yield f"  evidence {request.get('evidence_digest', 'none')}"
    if request:
        yield f"  until {time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(float(request['expires_at'])))}"
    if given := sorted({a.person for a in view.approvals if a.node == node.id}):
        yield f"  yes so far: {', '.join(given)}"
