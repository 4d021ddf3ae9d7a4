"""A failover takes the service at once from whatever holds it: nobody waits for a way back while a region is dark.

The lower operation is closed in the same transaction. What it had given its candidate of the traffic goes to the stable
release by the failover's own first shift; the rest is a debt in its closing row, paid when the region is back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tidegate.engine.ladder import expanding, exposing, touched_regions
from tidegate.engine.open_request import Request
from tidegate.engine.view import OperationView
from tidegate.journal.model import EventKind
from tidegate.journal.store import Transaction
from tidegate.model.operation import OperationKind, Outcome

Debt = dict[str, Any]


def supersedes(view: OperationView | None, kind: OperationKind) -> bool:
    """Whether an operation of that kind takes the service from this one without waiting for its way back. Pure."""
    return kind is OperationKind.FAILOVER and view is not None and view.kind is not OperationKind.FAILOVER


def supersede(txn: Transaction, view: OperationView, request: Request, wanted: str, actor: str) -> None:
    """Close it, with what it leaves undone, and free the service. Whoever carries it is refused from now on."""
    why = f"superseded by {wanted} ({request.kind.value}), asked for by {request.requester}: {request.reason}"
    body = {
        "outcome": Outcome.SUPERSEDED.value,
        "why": why,
        "person": request.requester,
        "superseded_by": wanted,
        "debts": [{**debt, "of": view.id} for debt in undone(view)],
    }
    txn.append(EventKind.OPERATION_CLOSED, body, actor=actor, operation=view.id, epoch=txn.raise_epoch())
    txn.set_lease(None)


def undone(view: OperationView) -> Iterator[Debt]:
    """What this operation leaves behind if it ends here. ``slot``: a release that runs beside the stable one. Pure."""
    version = view.binding.candidate_version
    if view.kind is OperationKind.PROMOTION and not view.certified:
        for region in sorted(touched_regions(view)):
            yield {"region": region, "what": f"stop {version} in {region}", "slot": True}
        if expanding(view):
            yield _named(f"the schema stays expanded for {version}; older releases run on it as well")
    if exposing(view) and not view.verified("settle.flags"):
        yield _named(f"the flags of {version} stay as they are shown: tidegate rollback, or flags by hand")
    if view.kind is OperationKind.ROLLBACK and view.touched:
        yield _named(f"the rollback to {view.binding.stable.version} was not finished: ask for it again")
    if view.kind is OperationKind.CONTRACT and view.touched:
        yield _named("the schema contract was not finished: ask for it again")
    if view.kind is OperationKind.RESTORE and view.touched:
        yield _named(_of_a_restore(view))


def _of_a_restore(view: OperationView) -> str:
    restored = view.binding.restored["id"]
    if view.committed:
        return f"{restored} may be in the live database's place already: look at the names with psql; see to its checks"
    return f"{restored} was not put in the live database's place: drop what was loaded of it, and ask again"


def debts_of(txn: Transaction) -> tuple[Mapping[str, Any], ...]:
    """What superseded operations have left undone since the service was last made whole, oldest first."""
    found: list[Mapping[str, Any]] = []
    for row in txn.events(kinds={EventKind.OPERATION_CLOSED}):
        if row.body["outcome"] == Outcome.REPROTECTED.value:
            found = []
        if row.body["outcome"] == Outcome.SUPERSEDED.value:
            found += row.body.get("debts", ())
    return tuple(found)


def _named(what: str) -> Debt:
    return {"region": "", "what": what, "slot": False}
