"""A person's hand on the lost-write ledger: read it, write rows back, say what becomes of the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from tidegate.drivers.token import Token
from tidegate.engine.lost_writes import ledger_of
from tidegate.engine.permission import permit
from tidegate.engine.world import World
from tidegate.errors import Refused
from tidegate.journal.model import EventKind
from tidegate.model.lost_write import Closed, LedgerState, LostWrite, Reapplied
from tidegate.model.operation import MOVING, OperationKind
from tidegate.model.roles import Action


@dataclass(frozen=True)
class Shown:
    """``rows``: entries that are open, all if they were asked for; empty while the ledger is not read."""

    state: LedgerState
    rows: tuple[LostWrite, ...]


def the_ledger(world: World) -> LedgerState:
    """Raises :class:`Refused` if the last failover owes none."""
    found = ledger_of(partial(world.journal.events, world.service))
    if found is None:
        raise Refused(
            f"no failover of {world.service} since its last protection may have lost a write: there is no ledger",
            next_step="nothing to do",
        )
    return found


def show(world: World, *, all_of_it: bool = False) -> Shown:
    """Raises as the database's ``lost``."""
    state = the_ledger(world)
    wanted = () if all_of_it else state.open
    rows = world.estate.database.lost(state.ledger, wanted) if state.kept and (all_of_it or wanted) else ()
    return Shown(state, rows)


def reapply(world: World, numbers: Sequence[int], *, person: str, reason: str, actor: str) -> tuple[Reapplied, ...]:
    """Write these entries' rows back, all that are open if none is named, in their order; each that is there then is
    closed. Conflicts stay open, and are told.

    Raises :class:`Forbidden`, :class:`Refused` (while a failover or switchover moves the database), and as the
    database's ``reapply``: what was written before is closed all the same.
    """
    permit(world.policy, person, Action.CONTROL)
    state = the_ledger(world)
    found: list[Reapplied] = []
    try:
        for number in _chosen(state, numbers):
            found.append(world.estate.database.reapply(state.ledger, number, _token(world, state)))
    finally:
        done = [one.number for one in found if one.done]
        if done:
            _close(world, state, done, Closed.REAPPLIED, person, reason, actor)
    return tuple(found)


def close(
    world: World, numbers: Sequence[int], how: Closed, *, person: str, reason: str, actor: str
) -> tuple[int, ...]:
    """Say that these entries are superseded or discarded, all that are open if none is named. Returns them. Touches the
    journal alone. Raises :class:`Forbidden`, :class:`Refused`."""
    permit(world.policy, person, Action.CONTROL)
    state = the_ledger(world)
    chosen = _chosen(state, numbers)
    _close(world, state, chosen, how, person, reason, actor)
    return chosen


def give_up(world: World, *, person: str, reason: str, actor: str) -> LedgerState:
    """Say that nobody can read the old primary any more. Raises :class:`Forbidden`, and :class:`Refused` once it was
    read: then each entry is closed by itself."""
    permit(world.policy, person, Action.CONTROL)
    state = the_ledger(world)
    if state.kept:
        raise Refused(
            f"{state.region} was read: {state.words}",
            next_step=f"tidegate ledger discard {world.service} --all --reason WHY gives up what is open",
        )
    if not state.unreadable:
        _close(world, state, (), Closed.UNREADABLE, person, reason, actor)
    return the_ledger(world)


def _chosen(state: LedgerState, numbers: Sequence[int]) -> tuple[int, ...]:
    if not state.kept:
        raise Refused(
            f"{state.words}, so there is no entry to close",
            next_step="tidegate reprotect reads it; if nobody ever can: tidegate ledger unreadable",
        )
    if unknown := sorted(n for n in set(numbers) if not 1 <= n <= state.entries):
        raise Refused(
            f"the ledger has no entry {', '.join(map(str, unknown))}", next_step=f"entries: 1 to {state.entries}"
        )
    return tuple(n for n in state.open if not numbers or n in numbers)


def _close(
    world: World, state: LedgerState, numbers: Sequence[int], how: Closed, person: str, reason: str, actor: str
) -> None:
    if not numbers and how is not Closed.UNREADABLE:
        return
    body = {"ledger": state.ledger, "numbers": list(numbers), "how": how.value, "person": person, "why": reason}
    with world.journal.locked(world.service) as txn:
        held = txn.head.lease.operation if txn.head.lease else None
        txn.append(EventKind.LEDGER_CLOSED, body, actor=actor, operation=held)


def _token(world: World, state: LedgerState) -> Token:
    """Of whoever holds the service now; a reprotect that waits for the ledger does. Raises :class:`Refused` while the
    database is being moved."""
    head = world.journal.head(world.service)
    lease = head.lease
    if lease is not None and lease.kind in MOVING and lease.kind is not OperationKind.REPROTECT:
        raise Refused(f"{lease.operation} is moving the database", next_step="wait until it has ended")
    return Token(head.epoch, lease.operation if lease else state.ledger)
