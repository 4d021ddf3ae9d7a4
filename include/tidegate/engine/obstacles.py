"""What is in the way of a promotion now: the brakes in the journal, the policy's change windows, the error budget, an
endpoint class on a detour."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.engine.brakes import (
    BRAKE_KINDS,
    BUDGET,
    DETOUR,
    DRILL,
    FORWARD,
    PIN,
    WINDOW,
    Obstacle,
    exempted_by,
    fold_brakes,
    overridden,
    pulled,
)
from tidegate.engine.budget import budget_of
from tidegate.engine.detours import DETOUR_KINDS, fold_detours
from tidegate.engine.drills import DRILL_KINDS, fold_drills
from tidegate.engine.facts import FACT_KINDS, fold_facts
from tidegate.engine.readiness_drilled import judged
from tidegate.engine.view import OperationView
from tidegate.engine.world import World
from tidegate.journal.model import EventKind
from tidegate.journal.store import Transaction
from tidegate.model.exemption import Exemption
from tidegate.model.operation import OperationKind
from tidegate.plan.model import Step
from tidegate.policy.windows import is_open, next_opening, spoken


def in_the_way(world: World, txn: Transaction, kind: OperationKind) -> Iterator[Obstacle]:
    """Asked when a promotion is opened, and again in the transaction of its first intent with an effect. One that has
    begun is let finish: half a promotion over a weekend is worse than a late one."""
    found = pulled(world.service, fold_brakes(txn.events(kinds=BRAKE_KINDS)))
    yield from (one for one in found if one.rule != PIN or kind is OperationKind.PROMOTION)  # a contract keeps it
    yield from outside_the_window(world)
    yield from budget_spent(world)
    yield from on_detours(world.service, txn)
    yield from drill_overdue(world, txn)


def outside_the_window(world: World) -> Iterator[Obstacle]:
    windows, now = world.policy.promotion.windows, world.clock.now()
    if windows is None or is_open(windows, now):
        return
    opens = next_opening(windows, now)
    when = f"it opens {spoken(windows, opens)}" if opens else "the policy opens none in the next two years"
    words = f"{world.service} is outside its change window; {when}"
    yield Obstacle(WINDOW, words, f"wait for it, or {exempted_by()}")


def budget_spent(world: World) -> Iterator[Obstacle]:
    budget = budget_of(world.journal, world.service, world.policy.objectives, world.clock.now())
    if budget is not None and budget.spent:
        yield Obstacle(BUDGET, f"the error budget of {world.service} is {budget}", f"wait, or {exempted_by()}")


def on_detours(service: str, txn: Transaction) -> Iterator[Obstacle]:
    """A class that fails in one region would be held for the candidate's doing, or hidden from its judge."""
    for one in fold_detours(txn.events(kinds=DETOUR_KINDS)):
        after = f"lift it: tidegate detour {service} {one.endpoint} --lift; or {exempted_by()}"
        yield Obstacle(DETOUR, f"{one.endpoint} is answered in {one.to} alone ({one.person}: {one.why})", after)


def drill_overdue(world: World, txn: Transaction) -> Iterator[Obstacle]:
    """Where the policy says so: who cannot show that the way back was gone lately goes no further forward."""
    part = world.policy.drills
    if part is None or not part.hold_promotions:
        return
    item = judged(world.policy.service, fold_drills(txn.events(kinds=DRILL_KINDS)), part.every, world.clock.now())
    if not item.ready:
        yield Obstacle(DRILL, f"drill: {item.why} (drills.hold_promotions)", f"{item.do}, or {exempted_by()}")


def still_let(world: World, txn: Transaction, view: OperationView, step: Step, actor: str) -> None:
    """Before a promotion's first effect: a brake may have come on since it was opened, or a window closed.

    Raises :class:`~tidegate.errors.Refused`: nothing was touched, so the promotion ends as refused.
    """
    if view.kind not in FORWARD or not step.effect or view.touched:
        return
    new = [one for one in in_the_way(world, txn, view.kind) if one.rule not in view.overridden]
    facts = fold_facts(txn.events(kinds=FACT_KINDS))
    for obstacle in overridden(new, view.exemption, facts, view.binding.candidate_version):
        note_override(txn, view.id, obstacle, view.exemption, view.requester, view.reason, actor)


def note_override(
    txn: Transaction,
    operation: str,
    obstacle: Obstacle,
    exempt: Exemption | None,
    person: str,
    reason: str,
    actor: str,
) -> None:
    """The row that says which rule was set aside, on what ground, by whom and why: before any effect."""
    body = {"rule": obstacle.rule, "exemption": str(exempt), "person": person, "why": reason, "what": obstacle.words}
    txn.append(EventKind.OVERRIDDEN, body, actor=actor, operation=operation)
