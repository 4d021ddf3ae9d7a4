"""RTO and RPO of the operations that move a service: measured while they run, kept once they have ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from tidegate.engine.recovery_forecast import Past, past_of
from tidegate.engine.recovery_times import GREEN, recovery
from tidegate.engine.region_loss import BACK, LOST
from tidegate.engine.view import OperationView
from tidegate.engine.world import World
from tidegate.journal.model import Event, EventKind
from tidegate.journal.store import Journal, Transaction
from tidegate.model.operation import OperationKind
from tidegate.model.recovery import Recovery

MEASURED = frozenset({OperationKind.SWITCHOVER, OperationKind.FAILOVER})
RTO_MISSED = "RTO missed"
_NOTES = frozenset({EventKind.NOTE})
_LOSSES = frozenset({EventKind.NOTE, EventKind.OPERATION_OPENED})
_KEPT = frozenset({EventKind.OBJECTIVES_MEASURED})


class Reads(Protocol):
    """A service's events: of the journal, or inside its transaction."""

    def __call__(self, *, operation: str | None = None, kinds: frozenset[EventKind] | None = None) -> list[Event]: ...


def recovery_of(journal: Journal, view: OperationView, now: float) -> Recovery | None:
    """How long users were, or are, without the service; None for an operation that takes nothing from them."""
    if view.kind not in MEASURED:
        return None

    def read(*, operation: str | None = None, kinds: frozenset[EventKind] | None = None) -> list[Event]:
        return journal.events(view.service, operation=operation, kinds=kinds)

    return _recovery(read, view, now)


def kept(journal: Journal, service: str) -> list[tuple[Event, Recovery]]:
    """What was measured of the service's operations, oldest first, each with its row."""
    return [(row, Recovery.from_json(row.body)) for row in journal.events(service, kinds=_KEPT)]


def keep_measured(txn: Transaction, view: OperationView, now: float, actor: str) -> None:
    """Write down what an operation that ends now has taken; in the transaction that closes it, so once and for all."""
    if view.kind not in MEASURED or not view.touched:
        return
    found = _recovery(txn.events, view, now)
    if found is not None:
        txn.append(EventKind.OBJECTIVES_MEASURED, _ended(found, now).to_json(), actor=actor, operation=view.id)


def note_rto(world: World, view: OperationView, actor: str) -> str:
    """Say once in the journal that the RTO is over and users are still without the service. Nothing is cut off.

    Returns the words, empty if there was nothing to say.
    """
    found = recovery_of(world.journal, view, world.clock.now())
    if found is None or found.back or found.closed or found.rto_met is not False:
        return ""
    forecast = f"; back after {found.forecast:.0f} s, by {found.forecast_by}" if found.forecast is not None else ""
    why = (
        f"the RTO of {found.rto_target:g} s is over, and {view.service} is not back: {found.gone:.1f} s gone, "
        f"{found.waited:.1f} s of it for people{forecast}"
    )
    with world.journal.locked(world.service) as txn:
        if any(e.body.get("what") == RTO_MISSED for e in txn.events(operation=view.id, kinds=_NOTES)):
            return ""
        body = {"what": RTO_MISSED, "why": why, "gone": found.gone, "target": found.rto_target}
        txn.append(EventKind.NOTE, body, actor=actor, operation=view.id)
    return why


def note_green(world: World, view: OperationView, points: Sequence[str], actor: str) -> None:
    """Say once in the journal that the vantage points see the new primary as well."""
    with world.journal.locked(world.service) as txn:
        if any(e.body.get("what") == GREEN for e in txn.events(operation=view.id, kinds=_NOTES)):
            return
        why = f"{view.binding.target} is seen well by {', '.join(points)}: its database takes writes, compute answers"
        txn.append(EventKind.NOTE, {"what": GREEN, "why": why}, actor=actor, operation=view.id)


def _recovery(read: Reads, view: OperationView, now: float) -> Recovery | None:
    rows = read(operation=view.id)
    lost = loss_of_its_region(read(kinds=_LOSSES), view) if view.kind is OperationKind.FAILOVER else None
    return recovery(view, rows, lost, _past(read, view), now)


def _past(read: Reads, view: OperationView) -> Past:
    return past_of((row.body for row in read(kinds=_KEPT) if row.operation != view.id), view.kind)


def loss_of_its_region(rows: Sequence[Event], view: OperationView) -> Event | None:
    """The row that says that the region which a failover leaves was lost: its own, else the newest before it was opened
    that is not over. One that the service has moved away from since is: by a failover, and maybe home again. Pure."""
    lost = [row for row in rows if row.kind is EventKind.NOTE and row.body.get("what") == LOST]
    own = [row for row in lost if row.operation == view.id]
    over = {row.body["id"] for row in rows if row.body.get("what") == BACK and row.at <= view.opened_at}
    moved = [row.seq for row in rows if _moved(row) and row.operation != view.id and row.at <= view.opened_at]
    others = [
        row
        for row in lost
        if row.body["region"] == view.binding.source
        and row.at <= view.opened_at
        and row.body["id"] not in over
        and row.seq > max(moved, default=0)
    ]
    return next(iter([*own, *reversed(others)]), None)


def _moved(row: Event) -> bool:
    return row.kind is EventKind.OPERATION_OPENED and row.body["kind"] in {kind.value for kind in MEASURED}


def _ended(found: Recovery, now: float) -> Recovery:
    """As its closing row will have it: that one is written behind this, in the same transaction."""
    if found.closed:
        return found
    restored = round(now - found.began, 3) if found.proved else None
    stages = tuple(replace(stage, running=False) for stage in found.stages)
    return replace(found, closed=True, restored=restored, stages=stages, forecast=None, forecast_by="")
