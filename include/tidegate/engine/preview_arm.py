"""A service's preview: what is open, opening it, and withdrawing it.

Its operations stand in a chain of their own (:func:`tidegate.model.operation.preview_chain`): a promotion or a failover
neither waits for them nor is held up by them, and their epochs fence nobody but older hands on the same preview.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from tidegate.engine.brakes import BRAKE_KINDS, fold_brakes
from tidegate.engine.facts import FACT_KINDS, ServiceFacts, fold_facts
from tidegate.engine.open import LEASE_TTL, Request, opening_row
from tidegate.engine.permission import permit
from tidegate.engine.tracing import begun
from tidegate.engine.view import OperationView, fold_operation, require
from tidegate.engine.world import World
from tidegate.errors import Refused
from tidegate.journal.model import Event, EventKind, Lease
from tidegate.journal.store import Journal, Transaction
from tidegate.model.binding import Binding
from tidegate.model.operation import OperationKind, operation_id, preview_chain
from tidegate.model.roles import Action
from tidegate.plan.model import Plan
from tidegate.policy.preview_arm import Preview

_KINDS = frozenset({EventKind.PREVIEW_OPENED, EventKind.PREVIEW_WITHDRAWN})


@dataclass(frozen=True)
class Shown:
    """The preview that is open. ``since``: epoch seconds. ``vetoed``: by whom and why, empty if it is not."""

    version: str
    digest: str
    region: str
    header: str
    since: float
    operation: str
    vetoed: str = ""

    def __str__(self) -> str:
        veto = f"; VETOED by {self.vetoed}" if self.vetoed else ""
        return f"{self.version} in {self.region}, for those who send {self.header}: {self.version}{veto}"


def shown(journal: Journal, service: str) -> Shown | None:
    """What the journal shows as open."""
    found = _fold(journal.events(preview_chain(service), kinds=_KINDS))
    if found is None:
        return None
    veto = fold_brakes(journal.events(service, kinds=BRAKE_KINDS)).veto(found.digest)
    return replace(found, vetoed=str(veto.brake)) if veto else found


def of_previews(world: World) -> World:
    """The same service, for the operations on its preview."""
    return replace(world, previews=True)


def open_preview(world: World, request: Request, plan: Plan, *, actor: str) -> OperationView:
    """The operation that shows ``request.target``: opened now, before, or by somebody else and not at its end yet.

    Raises :class:`Refused` if another preview is open or under way, or nothing serves yet; :class:`Forbidden`.
    """
    permit(world.policy, request.requester, Action.REQUEST)
    facts = fold_facts(world.journal.events(world.policy.service, kinds=FACT_KINDS))
    assert request.target is not None and world.policy.preview is not None  # the plan could not be had without
    with world.journal.locked(preview_chain(world.policy.service)) as txn:
        if (found := _same(txn, request)) is not None:
            return found
        held = _held(txn)
        if held is not None and (held.kind, held.binding.candidate_version) == (request.kind, request.target):
            return held
        if held is not None:
            raise Refused(
                f"the preview is held by {held.id} ({held.kind.value} of {held.binding.candidate_version})",
                next_step=f"end that one first: tidegate preview withdraw {world.policy.service}",
            )
        section = world.policy.preview
        _refuse_second(txn, request.target, section, world.policy.service)
        return _write(world, txn, request, plan, _bound(facts, request.target, section.region), actor)


def withdraw_preview(world: World, request: Request, plan: Plan, *, actor: str) -> OperationView | None:
    """The operation that takes the preview away: a withdrawal, or the way back of an opening that has not ended. None
    if no preview is open, nor on its way. Raises :class:`Forbidden`."""
    permit(world.policy, request.requester, Action.CONTROL)
    facts = fold_facts(world.journal.events(world.policy.service, kinds=FACT_KINDS))
    with world.journal.locked(preview_chain(world.policy.service)) as txn:
        if (found := _same(txn, request)) is not None:
            return found
        if (held := _held(txn)) is not None:
            return _turned(txn, held, request, actor)
        if (seen := _fold(txn.events(kinds=_KINDS))) is None:
            return None
        return _write(world, txn, request, plan, _bound(facts, seen.version, seen.region), actor)


def _fold(events: Iterable[Event]) -> Shown | None:
    found: Shown | None = None
    for event in events:
        found = _shown(event) if event.kind is EventKind.PREVIEW_OPENED else None
    return found


def _shown(event: Event) -> Shown:
    body, release = event.body, event.body["release"]
    where = body["region"], body["header"]
    return Shown(release["version"], release["digest"], *where, event.at, str(event.operation))


def _same(txn: Transaction, request: Request) -> OperationView | None:
    wanted = operation_id(txn.head.service, request.kind, request.request_id)
    return fold_operation(txn.events(operation=wanted))


def _held(txn: Transaction) -> OperationView | None:
    lease = txn.head.lease
    return fold_operation(txn.events(operation=lease.operation)) if lease is not None else None


def _refuse_second(txn: Transaction, version: str, section: Preview, service: str) -> None:
    """The same one again is no second; one of another place, or by another header, is."""
    seen, wanted = _fold(txn.events(kinds=_KINDS)), (version, section.region, section.header)
    if seen is not None and (seen.version, seen.region, seen.header) != wanted:
        raise Refused(
            f"{service} shows a preview already: {seen}", next_step=f"first: tidegate preview withdraw {service}"
        )


def _bound(facts: ServiceFacts, version: str, region: str) -> Binding:
    if facts.stable is None or facts.stable_slot is None:
        raise Refused(
            "no baseline has been adopted yet, so there is nothing beside which a preview could stand",
            next_step="adopt what runs today: tidegate adopt <service> <version> --by <name> --reason <why>",
        )
    return Binding(facts.stable_slot, facts.stable, version, preview=region)


def _turned(txn: Transaction, held: OperationView, request: Request, actor: str) -> OperationView:
    """An opening that is still under way goes back, once; a withdrawal that is not at its end is carried on."""
    if held.kind is OperationKind.PREVIEW and not held.why_back:
        body = {"why": f"withdrawn by {request.requester}: {request.reason}", "person": request.requester}
        txn.append(EventKind.TURNED_BACK, body, actor=actor, operation=held.id, epoch=txn.raise_epoch())
    return require(fold_operation(txn.events(operation=held.id)), held.id)


def _write(world: World, txn: Transaction, request: Request, plan: Plan, binding: Binding, actor: str) -> OperationView:
    wanted = operation_id(txn.head.service, request.kind, request.request_id)
    body = opening_row(request, plan, binding, None, begun(txn.head.hash, wanted))
    txn.append(EventKind.OPERATION_OPENED, body, actor=actor, operation=wanted, epoch=txn.raise_epoch())
    txn.set_lease(Lease(wanted, request.kind, actor, world.clock.now() + LEASE_TTL))
    return require(fold_operation(txn.events(operation=wanted)), wanted)
