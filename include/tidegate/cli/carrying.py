"""Carrying an operation on in this process, for ``tidegate break-glass``: what to know before, and how it ended."""

from __future__ import annotations

import contextlib
import time
from typing import NoReturn

import typer

from tidegate.cli.exit_codes import OF_ENDING, ExitCode
from tidegate.cli.person import actor
from tidegate.engine import guarding
from tidegate.engine.rules import approved
from tidegate.engine.runner import Halt, drive
from tidegate.engine.signatures import keys_of
from tidegate.engine.takeover import hand_back, take_over
from tidegate.engine.view import OperationView
from tidegate.engine.world import World
from tidegate.errors import JournalError, Refused
from tidegate.model.operation import MOVING, OperationKind, OperationState
from tidegate.plan.model import ApprovalNode
from tidegate.policy.quantities import duration_text
from tidegate.remote.ending import Sight, ended
from tidegate.report.document import operation_document

_CARRIED = frozenset({OperationKind.PROMOTION, OperationKind.ROLLBACK, OperationKind.RESTORE, *MOVING})


def ahead(world: World, view: OperationView) -> list[str]:
    """What whoever carries it on has to know first: that no guard is there, and which approvals are still to come."""
    lines: list[str] = []
    if not guarding.alive(world.journal, world.service, world.clock.now()):
        lines.append(
            f"warning: no guard is alive: no weight grows, and nobody stops a loss. In a terminal of its own: "
            f"tidegate guard {world.service}"
        )
    if view.state is not OperationState.RUNNING:
        return lines
    for _, node in view.plan.nodes():
        if isinstance(node, ApprovalNode) and not approved(view, node):
            lines.append(
                f"ahead: {node.id} needs {node.quorum} of {', '.join(node.people)}. {_answer(world, view)}; "
                f"it waits {_until(view, node)}, then the operation turns back"
            )
    return lines


def _answer(world: World, view: OperationView) -> str:
    if keys_of(world.policy):
        return f"They answer by: tidegate approve {view.id} --sign KEYFILE"
    return "The policy names no break_glass.keys, so nobody can answer it without Airflow"


def _until(view: OperationView, node: ApprovalNode) -> str:
    request = view.requested.get(node.id)
    if request is None:
        return f"for {duration_text(node.within)} once it is asked"
    return f"until {time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(float(request['expires_at'])))}"


def take_over_and_carry(world: World, operation: str, person: str, reason: str) -> NoReturn:
    """Whoever ran it is refused from now on; exits with how it ended. Raises as :func:`~engine.takeover.take_over`."""
    view = take_over(world, operation, person=person, reason=reason, actor=actor(person))
    if view.kind not in _CARRIED:
        raise Refused(f"{operation} is a {view.kind.value}, which has no plan to carry on")
    for line in ahead(world, view):
        typer.echo(line, err=True)
    raise typer.Exit(carry(world, view, actor(person)))


def carry(world: World, view: OperationView, actor: str) -> ExitCode:
    """Carry it to its end, a line for each node. One that was on its way back already has ended as meant once back."""
    try:
        done = drive(world, view.id, actor=actor, say=typer.echo)
    except Halt as halt:
        typer.echo(f"{view.id}: {halt}", err=True)
        typer.echo(f"next:  mend it, then run this command again; look: tidegate status {view.service}", err=True)
        return ExitCode.NEEDS_PERSON
    except KeyboardInterrupt:
        typer.echo(f"\n{view.id}: nobody carries it on now; run this command again", err=True)
        return ExitCode.INTERRUPTED
    finally:
        with contextlib.suppress(JournalError):  # then the next one takes it over, as this one did
            hand_back(world, view.id, actor=actor)
    typer.echo(f"{view.id}: {done.outcome}{f' ({done.why_back})' if done.why_back else ''}")
    if view.state is not OperationState.RUNNING:
        return ExitCode.OK
    document = operation_document(world.journal, world.service, view.id, world.clock.now())
    return OF_ENDING[ended(view.kind, Sight("", {}, document))]
