"""A person's hand on the brakes: veto, pin, unpin, stop the line, start it again. Each is one row, with name and why.

None needs more than the journal. What an open promotion makes of it is written in the same transaction, so that no
effect slips through between.
"""

from __future__ import annotations

from dataclasses import dataclass

from tidegate.engine.brakes import BRAKE_KINDS, Brakes, fold_brakes
from tidegate.engine.contracting import past_the_point
from tidegate.engine.facts import FACT_KINDS, fold_facts
from tidegate.engine.permission import permit
from tidegate.engine.view import OperationView, fold_operation
from tidegate.engine.world import World
from tidegate.errors import Refused
from tidegate.journal.model import EventKind
from tidegate.journal.store import Journal, Transaction
from tidegate.model.mix import vetoed_part
from tidegate.model.operation import OperationKind, OperationState
from tidegate.model.roles import Action


@dataclass(frozen=True)
class Braked:
    """``new`` False: it was so already. ``turned``: the open promotion that is on its way back because of it; ``held``:
    the one that stands still because of it; ``freed``: the one that goes on again. Empty where there is none.
    ``serves``: the vetoed release is the one that runs."""

    new: bool
    turned: str = ""
    held: str = ""
    freed: str = ""
    serves: bool = False


def brakes_of(journal: Journal, service: str) -> Brakes:
    """What is on now."""
    return fold_brakes(journal.events(service, kinds=BRAKE_KINDS))


def veto(world: World, digest: str, version: str, *, person: str, reason: str, actor: str) -> Braked:
    """Mark a release bad, for good: it is refused everywhere. An open promotion of it turns back; run
    :func:`tidegate.engine.control.make_safe` next, or leave it to the guard. Vetoed already: nothing.

    Raises :class:`Forbidden`.
    """
    permit(world.policy, person, Action.CONTROL)
    with world.journal.locked(world.service) as txn:
        stable = fold_facts(txn.events(kinds=FACT_KINDS)).stable
        serves = stable is not None and vetoed_part(stable, {digest}) != ""
        if _brakes(txn).veto(digest):
            return Braked(False, serves=serves)
        body = {"digest": digest, "version": version, "person": person, "why": reason}
        txn.append(EventKind.RELEASE_VETOED, body, actor=actor)
        view = _promotion(txn)
        if view is None or view.state is not OperationState.RUNNING or digest not in _candidate(view):
            return Braked(True, serves=serves)
        why = f"aborted by {person}: {version or digest} is vetoed: {reason}"
        epoch = txn.raise_epoch()
        txn.append(EventKind.TURNED_BACK, {"why": why, "person": person}, actor=actor, operation=view.id, epoch=epoch)
        return Braked(True, turned=view.id, serves=serves)


def pin(world: World, *, person: str, reason: str, actor: str) -> Braked:
    """The service stays on its release: no promotion begins until it is unpinned. Pinned already: nothing.

    Raises :class:`Forbidden`, and :class:`Refused` while a promotion is open: its release may be half-way in.
    """
    permit(world.policy, person, Action.CONTROL)
    with world.journal.locked(world.service) as txn:
        if _brakes(txn).pin:
            return Braked(False)
        if (view := _promotion(txn)) is not None:
            raise Refused(
                f"{view.id} is open, so which release {world.service} would stay on is not settled",
                next_step=f"tidegate abort {world.service} {view.id} --by <name> --reason <why>, or let it end; then "
                "pin. To let nothing grow meanwhile: tidegate stop-line",
            )
        txn.append(EventKind.PINNED, {"person": person, "why": reason}, actor=actor)
    return Braked(True)


def unpin(world: World, *, person: str, reason: str, actor: str) -> Braked:
    """Promotions may begin again. Not pinned: nothing. Raises :class:`Forbidden`."""
    permit(world.policy, person, Action.CONTROL)
    with world.journal.locked(world.service) as txn:
        if not _brakes(txn).pin:
            return Braked(False)
        txn.append(EventKind.UNPINNED, {"person": person, "why": reason}, actor=actor)
    return Braked(True)


def stop_line(world: World, *, person: str, reason: str, actor: str) -> Braked:
    """No promotion begins, and one that is under way without an exemption stands still, as if paused. Rollbacks and
    ways back go on. Stopped already: nothing. Raises :class:`Forbidden`."""
    permit(world.policy, person, Action.CONTROL)
    with world.journal.locked(world.service) as txn:
        if _brakes(txn).line:
            return Braked(False)
        txn.append(EventKind.LINE_STOPPED, {"person": person, "why": reason}, actor=actor)
        view = _forward(txn)
        forward = view is not None and view.state is OperationState.RUNNING and view.exemption is None
        if view is None or not forward or view.held is not None:
            return Braked(True)
        body = {"person": person, "why": f"the line is stopped: {reason}", "line": True}
        txn.append(EventKind.HELD, body, actor=actor, operation=view.id)
        return Braked(True, held=view.id)


def start_line(world: World, *, person: str, reason: str, actor: str) -> Braked:
    """Promotions may begin again; the one that stood still because of it goes on, unless somebody has paused it for
    another reason. Not stopped: nothing. Raises :class:`Forbidden`."""
    permit(world.policy, person, Action.CONTROL)
    with world.journal.locked(world.service) as txn:
        if not _brakes(txn).line:
            return Braked(False)
        txn.append(EventKind.LINE_STARTED, {"person": person, "why": reason}, actor=actor)
        view = _forward(txn)
        if view is None or view.held is None or not view.held.line:
            return Braked(True)
        txn.append(EventKind.RESUMED, {"person": person, "why": reason}, actor=actor, operation=view.id)
        return Braked(True, freed=view.id)


def _brakes(txn: Transaction) -> Brakes:
    return fold_brakes(txn.events(kinds=BRAKE_KINDS))


def _forward(txn: Transaction) -> OperationView | None:
    """The open operation that a stopped line holds: a promotion, or a contract that can still be ended."""
    lease = txn.head.lease
    if lease is None or lease.kind is not OperationKind.CONTRACT:
        return _promotion(txn)
    view = fold_operation(txn.events(operation=lease.operation))
    return None if view is None or past_the_point(view) else view


def _promotion(txn: Transaction) -> OperationView | None:
    """The promotion that holds the service and whose release is no baseline yet."""
    lease = txn.head.lease
    if lease is None or lease.kind is not OperationKind.PROMOTION:
        return None
    view = fold_operation(txn.events(operation=lease.operation))
    return view if view is not None and not view.committed else None


def _candidate(view: OperationView) -> tuple[str, ...]:
    """The digest that was admitted, and of a mix those of its parents; nothing before that."""
    admitted = view.facts.get("admit.verify", {}).get("release", {})
    return (admitted["digest"], *admitted.get("parents", {}).values()) if admitted else ()
