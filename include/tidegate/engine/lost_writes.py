"""The lost-write ledger as the journal knows it: which failover owes one, what is in it, what people have closed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

from tidegate.errors import Refused
from tidegate.journal.model import Event, EventKind
from tidegate.model.lost_write import Closed, LedgerState
from tidegate.model.operation import OperationKind
from tidegate.plan.names import APPROVE_LOSS, FENCE_LOST, PROMOTE_NODE, REJOIN_NODE
from tidegate.policy.schema import Policy

_OF_A_FAILOVER = frozenset({EventKind.STEP_VERIFIED, EventKind.GATE_OPENED})
_OF_A_LEDGER = frozenset({EventKind.LEDGER_OPENED, EventKind.LEDGER_CLOSED})


class Reads(Protocol):
    """A service's events: of the journal, or inside its transaction."""

    def __call__(self, *, operation: str | None = None, kinds: frozenset[EventKind] | None = None) -> list[Event]: ...


def ledger_of(read: Reads) -> LedgerState | None:
    """The ledger of the last failover that has promoted, as long as anything is to be told of it.

    None: there was no such failover, it is proved to have lost nothing that was acknowledged, or the old primary
    follows again without anything having been kept (a plan from before there were ledgers).
    """
    opened = read(kinds=frozenset({EventKind.OPERATION_OPENED}))
    for row in reversed([r for r in opened if r.body["kind"] == OperationKind.FAILOVER.value]):
        rows = read(operation=row.operation, kinds=_OF_A_FAILOVER)
        promoted = next((r for r in rows if r.body["node"] == PROMOTE_NODE and "facts" in r.body), None)
        if promoted is not None:
            return _owed(read, row, rows, promoted, opened)
    return None


def keeps_a_ledger(policy: Policy) -> bool:
    return policy.failover is not None and bool(policy.failover.ledger)


def refuse_open(ledger: LedgerState | None, service: str, what: str) -> None:
    """Raises :class:`Refused` while the old primary is the only one that has what was lost."""
    if ledger is None or ledger.settled:
        return
    raise Refused(f"{what} is refused: {ledger.words}", next_step=next_step(ledger, service))


def next_step(ledger: LedgerState, service: str) -> str:
    if ledger.kept:
        return f"tidegate ledger show {service}; then reapply, supersede or discard each entry"
    return (
        f"tidegate reprotect {service} --reason WHY reads it first; if nobody can ever read it: "
        f"tidegate ledger unreadable {service} --reason WHY"
    )


def _owed(read: Reads, failover: Event, rows: list[Event], promoted: Event, opened: list[Event]) -> LedgerState | None:
    ledger = str(failover.operation)
    asked_for = bool(failover.body["plan"]["settings"]["failover"].get("ledger"))
    state = LedgerState(ledger, str(failover.body["binding"]["source"]), _mark(rows, promoted), asked_for)
    mine = [row for row in read(kinds=_OF_A_LEDGER) if row.body["ledger"] == ledger]
    for row in mine:
        state = _apply(state, row)
    if state.kept or state.unreadable:
        return state
    lossless = any(r.body["node"] == APPROVE_LOSS and r.body.get("nothing_to_do") for r in rows)
    return None if lossless or _rejoined(read, promoted, opened) else state


def _mark(rows: list[Event], promoted: Event) -> str:
    """Taken just before the promotion, else after the fence."""
    fenced: Mapping[str, Any] = next(
        (r.body["facts"] for r in rows if r.body["node"] == FENCE_LOST and "facts" in r.body), {}
    )
    return str(promoted.body["facts"].get("mark") or fenced.get("mark") or "")


def _apply(state: LedgerState, row: Event) -> LedgerState:
    body: Mapping[str, Any] = row.body
    if row.kind is EventKind.LEDGER_OPENED:
        return replace(state, kept=True, entries=int(body["entries"]), tables=body["tables"])
    if body["how"] == Closed.UNREADABLE.value:
        return replace(state, unreadable=True)
    return replace(state, closed=state.closed | {int(number) for number in body["numbers"]})


def _rejoined(read: Reads, promoted: Event, opened: list[Event]) -> bool:
    """Whether the old primary was made to follow since, so that there is nothing to be read any more."""
    kinds = {OperationKind.REPROTECT.value}
    since = [row for row in opened if row.seq > promoted.seq and row.body["kind"] in kinds]
    verified = frozenset({EventKind.STEP_VERIFIED})
    return any(r.body["node"] == REJOIN_NODE for row in since for r in read(operation=row.operation, kinds=verified))
