"""Rank: a second operation on a service is refused with the first one's id, or the first gives way to it.

Giving way is a row of the lower operation, with the name of whoever asked: it is aborted, and its own way back is its
compensation. The higher one opens once that is over. Who carries the way back is whoever carried the operation, or, if
nobody does, the one that waits for it.
"""

from __future__ import annotations

from collections.abc import Iterable

from tidegate.engine.contracting import past_the_point
from tidegate.engine.facts import ServiceFacts
from tidegate.engine.open_request import Request
from tidegate.engine.superseding import supersede, supersedes
from tidegate.engine.view import OperationView, fold_operation
from tidegate.errors import GivesWay, Refused
from tidegate.journal.model import Event, EventKind
from tidegate.journal.store import Transaction
from tidegate.model.binding import Binding
from tidegate.model.operation import OperationKind, OperationState, Outcome

GAVE_WAY = "gives way"  # what a note says on an operation that was on its way back, or certified, anyway
COMPENSATED = frozenset(
    {OperationKind.PROMOTION, OperationKind.CONTRACT, OperationKind.RESTORE}
)  # kinds that can be ended in the middle
AWAITED_FOR = 120.0  # seconds that nothing lower begins after an operation has given way and is closed
_OPENED = EventKind.OPERATION_OPENED
_ROWS = frozenset({EventKind.TURNED_BACK, EventKind.NOTE})


def make_way(txn: Transaction, request: Request, wanted: str, actor: str) -> GivesWay | None:
    """Whether the service is free for ``wanted``: None. Else what to raise once this transaction is written, in which
    the lower operation has been turned back.

    Raises :class:`Refused`, naming the operation that holds the service and does not give way.
    """
    lease = txn.head.lease
    if lease is None or lease.operation == wanted:
        return None
    view = fold_operation(txn.events(operation=lease.operation))
    if view is not None and supersedes(view, request.kind):
        supersede(txn, view, request, wanted, actor)
        return None
    if view is None or not would_give_way(view, request.kind):
        raise _held(txn, request)
    if not any(_for(row, wanted) for row in txn.events(operation=view.id, kinds=_ROWS)):
        _turn(txn, view, request, wanted, actor)
    if view.committed and view.kind is OperationKind.RESTORE:
        how = "the databases have changed places, so it only ends what it has begun"
    elif view.committed:
        how = "its release is certified, so it only ends what it has begun"
    else:
        how = "it is on its way back first"
    return GivesWay(
        f"{view.id} ({view.kind.value}) gives way to {wanted} ({request.kind.value}): {how}",
        operation=view.id,
        next_step=f"this request goes on by itself once that is closed; look: tidegate status {view.service} "
        f"--operation {view.id}",
    )


def not_overtaken(txn: Transaction, request: Request, wanted: str, now: float) -> None:
    """Between the end of what gave way and the opening of what it gave way to nothing lower slips in, for a while.

    Raises :class:`Refused`, naming the one that is awaited.
    """
    rows = [row for row in txn.events(kinds=_ROWS) if row.body.get("gives_way_to")]
    if not rows or txn.head.lease is not None:
        return
    awaited, lower = str(rows[-1].body["gives_way_to"]), rows[-1].operation
    kind = OperationKind(rows[-1].body["kind"])
    if awaited == wanted or request.kind.rank >= kind.rank or txn.events(operation=awaited, kinds={_OPENED}):
        return
    if now - txn.events(operation=lower)[-1].at <= AWAITED_FOR:
        raise Refused(
            f"the service is awaited by {awaited} ({kind.value}), to which {lower} has given way",
            next_step=f"ask again once that is over; it is awaited for {AWAITED_FOR:g} s at most",
        )


def would_give_way(view: OperationView | None, kind: OperationKind) -> bool:
    """Whether this open operation makes room for one of that kind. Pure."""
    if view is not None and past_the_point(view):
        return False
    return view is not None and view.kind in COMPENSATED and kind.rank > view.kind.rank


def wished(view: OperationView, target: str | None) -> Binding | None:
    """What a rollback means while this promotion is under way: back to what it was to replace, which its own way back
    does; None if the wish is for something else. Pure."""
    if view.committed or target not in (None, view.binding.stable.version):
        return None
    return Binding(view.binding.stable_slot, view.binding.stable, view.binding.candidate_version)


def _held(txn: Transaction, request: Request) -> Refused:
    lease = txn.head.lease
    assert lease is not None
    rank = "" if request.kind.rank > lease.kind.rank else f", which a {request.kind.value} does not outrank"
    return Refused(
        f"the service is held by {lease.operation} ({lease.kind.value}){rank}",
        next_step=f"wait for it, or look: tidegate status {txn.head.service} --operation {lease.operation}",
    )


def _turn(txn: Transaction, view: OperationView, request: Request, wanted: str, actor: str) -> None:
    why = f"gives way to {wanted} ({request.kind.value}), asked for by {request.requester}: {request.reason}"
    body = {"why": why, "person": request.requester, "gives_way_to": wanted, "kind": request.kind.value}
    if view.state is OperationState.RUNNING and not view.committed:
        epoch = txn.raise_epoch()
        txn.append(EventKind.TURNED_BACK, body, actor=actor, operation=view.id, epoch=epoch)
    else:
        txn.append(EventKind.NOTE, {"what": GAVE_WAY, **body}, actor=actor, operation=view.id)


def _for(row: Event, wanted: str) -> bool:
    return row.body.get("gives_way_to") == wanted


def settled(txn: Transaction, request: Request, wanted: str, facts: ServiceFacts) -> Binding | None:
    """The binding of a rollback whose wish came true when a promotion gave way to it; None if there is still something
    to do.

    "The baseline before", asked for while 1.1.0 replaces 1.0.0, is 1.0.0: the one that the promotion went back to, and
    not the one before that.
    """
    lower = _gave_way(txn, txn.events(kinds=_ROWS), wanted)
    if request.kind is not OperationKind.ROLLBACK or lower is None or facts.stable is None:
        return None
    if lower.kind is not OperationKind.PROMOTION:
        return None
    back, baseline = lower.outcome in (Outcome.ROLLED_BACK, Outcome.REFUSED), lower.binding.stable
    if not back or baseline.digest != facts.stable.digest or request.target not in (None, baseline.version):
        return None
    return Binding(lower.binding.stable_slot, baseline, lower.binding.candidate_version, settled_by=lower.id)


def _gave_way(txn: Transaction, rows: Iterable[Event], wanted: str) -> OperationView | None:
    found = [row.operation for row in rows if _for(row, wanted)]
    return fold_operation(txn.events(operation=found[-1])) if found else None
