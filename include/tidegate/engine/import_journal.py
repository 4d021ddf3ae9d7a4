"""Taking a local journal into the service's own, once that one is in reach again: under the same rules of epochs.

The local journal's epochs are higher, so it wins the lease, and what it says of the service comes last. What the
service's own journal has done meanwhile stays where it is, and is named as a fork. Nothing is lost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tidegate.engine.facts import FACT_KINDS
from tidegate.engine.local_journal import opening_of, signed_opening
from tidegate.engine.permission import permit
from tidegate.engine.superseding import undone
from tidegate.engine.view import fold_operation
from tidegate.engine.world import World
from tidegate.errors import Refused
from tidegate.journal.model import ZERO_HASH, Event, EventKind, Lease
from tidegate.journal.store import Journal, Transaction
from tidegate.model.operation import OperationKind, OperationState, Outcome
from tidegate.model.roles import Action


@dataclass(frozen=True)
class Imported:
    """``rows``: taken in now. ``fork``: rows that this journal wrote after the two parted. ``superseded``: operations
    of this journal that lost the lease. ``conflicts``: in words."""

    rows: int
    fork: int
    superseded: tuple[str, ...]
    conflicts: tuple[str, ...]


def import_local(world: World, local: Journal, *, person: str, reason: str, actor: str) -> Imported:
    """Take in what the local journal has that this one has not. Twice is once.

    Raises :class:`Forbidden` for who may not; :class:`Refused` for a journal that does not verify, was not opened by
    two signatures, or does not go on from a row that this journal has. Nothing is written then.
    """
    permit(world.policy, person, Action.CONTROL)
    service = world.service
    if findings := local.verify(service):
        raise Refused(
            f"the local journal does not verify: {findings[0]}", next_step="keep it, and look who wrote to it"
        )
    opening = opening_of(local, service)
    signed = signed_opening(world.policy, opening)
    rows, head = local.events(service, after=1 + int(signed["facts"])), local.head(service)
    with world.journal.locked(service) as txn:
        before = txn.events()
        _goes_on_from(before, signed["head"])
        done = _taken_in(before, opening.hash)
        new = [row for row in rows if row.seq > done]
        if not new:
            return Imported(0, 0, (), ())
        fork = [] if done else _fork(before, int(signed["head"]["seq"]))
        told = _conflicts(fork, new)
        epoch = _higher(txn, new[0].epoch, done)
        superseded = _supersede(txn, new, actor, person, reason)
        body = {
            "person": person,
            "why": reason,
            "opening": opening.hash,
            "envelope": opening.body["envelope"],
            "from": new[0].seq,
            "until": head.seq,
            "head": head.hash,
            "fork": {"after": signed["head"]["seq"], "rows": len(fork), "conflicts": told},
            "superseded": list(superseded),
        }
        txn.append(EventKind.JOURNAL_IMPORTED, body, actor=actor, epoch=epoch)
        _take_in(txn, new, local)
    return Imported(len(new), len(fork), superseded, tuple(told))


def _goes_on_from(before: Sequence[Event], head: Mapping[str, Any]) -> None:
    hashes = {0: ZERO_HASH, **{row.seq: row.hash for row in before}}
    if hashes.get(int(head["seq"])) != head["hash"]:
        raise Refused(
            f"the local journal goes on from row {head['seq']} with hash {str(head['hash'])[:12]}…, which this journal "
            "has not",
            next_step="is this the journal of which the bundle was made? Keep both, and compare: tidegate audit verify",
        )


def _taken_in(before: Sequence[Event], opening: str) -> int:
    """The last row of this local journal that was taken in before, 0 if none."""
    found = [row.body for row in before if row.kind is EventKind.JOURNAL_IMPORTED and row.body["opening"] == opening]
    return int(found[-1]["until"]) if found else 0


def _fork(before: Sequence[Event], parted: int) -> list[Event]:
    """What this journal wrote after the two parted."""
    return [row for row in before if row.seq > parted]


def _conflicts(fork: Sequence[Event], new: Sequence[Event]) -> list[str]:
    """What both have done since, in words; the local journal's holds. Pure."""
    told = []
    for operation in sorted({str(row.operation) for row in fork if row.operation}):
        rows = [row for row in fork if row.operation == operation]
        told.append(f"{operation}: {len(rows)} row(s), {rows[0].seq} to {rows[-1].seq}, written in the cut-off journal")
    both = {row.kind for row in fork} & {row.kind for row in new} & FACT_KINDS
    told += [f"{kind.value}: told by both; the local journal's comes last and holds" for kind in sorted(both)]
    return told


def _higher(txn: Transaction, first: int, done: int) -> int:
    """The epoch of the import. Raises :class:`Refused` if this journal is of the same class already: then whoever acts
    under it was not refused by the systems that hold tokens."""
    if txn.head.epoch >= first and not done:
        raise Refused(
            f"this journal is at epoch {txn.head.epoch}, and the local one began at {first}: it was not the higher one",
            next_step="another local journal was taken in before; look at both with somebody who knows the service",
        )
    return txn.raise_epoch(first)


def _supersede(txn: Transaction, new: Sequence[Event], actor: str, person: str, reason: str) -> tuple[str, ...]:
    """Whatever holds the service here loses it, unless the local journal has carried that very operation on."""
    lease = txn.head.lease
    if lease is None or lease.operation in {row.operation for row in new}:
        return ()
    view = fold_operation(txn.events(operation=lease.operation))
    if view is None or view.state is OperationState.CLOSED:
        return ()
    debts = [{**debt, "of": view.id} for debt in undone(view)]
    why = f"superseded by a local journal of a higher class, taken in by {person}: {reason}"
    body = {"outcome": Outcome.SUPERSEDED.value, "why": why, "person": person, "debts": debts}
    txn.append(EventKind.OPERATION_CLOSED, body, actor=actor, operation=lease.operation, epoch=txn.head.epoch)
    txn.set_lease(None)
    return (lease.operation,)


def _take_in(txn: Transaction, new: Sequence[Event], local: Journal) -> None:
    """Row by row, each at its own time and epoch, with its own lease."""
    held = local.head(txn.head.service).lease
    for row in new:
        if row.epoch > txn.head.epoch:
            txn.raise_epoch(row.epoch)
        txn.append(row.kind, row.body, actor=row.actor, operation=row.operation, at=row.at)
        txn.set_lease(_lease(row, held))


def _lease(row: Event, held: Lease | None) -> Lease | None:
    if row.lease is None:
        return None
    until = held.expires_at if held and held.operation == row.lease["operation"] else row.at
    return Lease(row.lease["operation"], OperationKind(row.lease["kind"]), row.lease["holder"], until)
