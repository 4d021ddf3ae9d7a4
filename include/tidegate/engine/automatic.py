"""One rule for all that the guard begins by itself: twice within an hour takes a person.

What a machine has undone and done again is flapping: each turn costs users a move, and the second says that the first
did not help, or that what is seen is wrong. So a *reversal* (a rollback or a failover) that the guard began holds back
everything that it would begin by itself for an hour: it pages instead, and a person may act as ever. A detour moves one
route and takes nothing away; it holds back another detour of the same class, and no reversal: a guard that has
sent the checkouts elsewhere must still answer the loss of the region.

It is read from the journal, so it outlives every guard. The stop-loss of a promotion is no act of this kind: a person
began that promotion, and the next one takes a person again.
"""

from __future__ import annotations

from collections.abc import Iterable

from tidegate.engine.permission import GUARD
from tidegate.errors import Refused
from tidegate.journal.model import Event, EventKind
from tidegate.journal.store import Transaction
from tidegate.model.operation import OperationKind

ONCE_IN = 3600.0  # seconds
KINDS = frozenset({EventKind.OPERATION_OPENED, EventKind.DETOUR_SET})  # rows that are asked
PERSON = "a second time within an hour takes a person"
_REVERSALS = {OperationKind.ROLLBACK.value: "rolled back", OperationKind.FAILOVER.value: "failed over"}


def held_back(rows: Iterable[Event], now: float, *, detour: str = "") -> str:
    """Why the guard may not act by itself now, empty if it may. ``rows``: of :data:`KINDS`, others are passed over.
    ``detour``: the class whose route is to be moved; empty for a reversal. Pure."""
    acts = [row for row in rows if now - row.at < ONCE_IN and _automatic(row, detour)]
    if not acts:
        return ""
    last = max(acts, key=lambda row: row.seq)
    done = _REVERSALS.get(str(last.body.get("kind")), "moved it by itself")
    return f"the guard has {done} {(now - last.at) / 60:.0f} min ago: {PERSON}"


def refuse_second(txn: Transaction, kind: OperationKind, requester: str, now: float, *, asks: bool) -> None:
    """Raises :class:`Refused` where the guard would begin a second reversal within the hour, whatever started it.
    ``asks``: people say yes to this one before anything moves, so it is none of the guard's own."""
    if requester != GUARD or kind.value not in _REVERSALS or asks:
        return
    if why := held_back(txn.events(kinds=KINDS), now):
        raise Refused(why, next_step=f"a person may: tidegate {_verb(kind)} {txn.head.service} --reason <why> --wait")


def _verb(kind: OperationKind) -> str:
    return "rollback" if kind is OperationKind.ROLLBACK else "failover"


def _automatic(row: Event, detour: str) -> bool:
    if row.kind is EventKind.OPERATION_OPENED:
        return row.body["requester"] == GUARD and row.body["kind"] in _REVERSALS
    same = bool(detour) and row.body.get("endpoint") == detour
    return row.kind is EventKind.DETOUR_SET and same and row.body["person"] == GUARD
