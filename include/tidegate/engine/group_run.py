"""Carrying a group's operation on in this process, without Airflow: the members' own operations, on the same plans, in
the order that the journal allows; those that are free of each other side by side."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from tidegate.engine import making_room
from tidegate.engine.group_view import GroupView, Part
from tidegate.engine.groups import begin_member, end_member, member_stuck, read_group
from tidegate.engine.open import Request, open_operation
from tidegate.engine.runner import AskPeople, Halt, Say, drive, nobody, silent
from tidegate.engine.takeover import hand_back, take_over
from tidegate.engine.view import OperationView, fold_operation
from tidegate.engine.world import World
from tidegate.errors import EffectError, GivesWay, LeaseLost
from tidegate.journal.store import Journal
from tidegate.model.operation import GOOD_END, OperationKind, OperationState
from tidegate.plan.failover import failover_plan
from tidegate.plan.group import Stands
from tidegate.plan.model import Plan
from tidegate.plan.reprotect import reprotect_plan
from tidegate.plan.rollback import rollback_plan
from tidegate.plan.switchover import switchover_plan
from tidegate.policy.schema import Policy

PLANNERS: dict[OperationKind, Callable[[Policy, str], Plan]] = {
    OperationKind.FAILOVER: failover_plan,
    OperationKind.SWITCHOVER: switchover_plan,
    OperationKind.REPROTECT: reprotect_plan,
    OperationKind.ROLLBACK: rollback_plan,
}


@dataclass(frozen=True)
class Carrier:
    """Who carries, and with what. ``world``: of a member, connected when it is its turn. ``abreast``: how many members
    are moved at a time. ``ask``: as the runner's, for a member's world."""

    journal: Journal
    world: Callable[[str], World]
    person: str
    actor: str
    abreast: int = 8
    say: Say = silent
    ask: Callable[[World], AskPeople] = lambda _: nobody


def carry_group(carrier: Carrier, group: str, operation: str) -> GroupView:
    """Move whoever may move until the operation is over, or a person has to decide. Safe to call again after a crash
    at any point: a move that was begun goes on as the operation that it was."""
    running: dict[str, Future[bool]] = {}
    elsewhere: set[str] = set()
    with ThreadPoolExecutor(carrier.abreast, "group") as pool:
        while True:
            view = read_group(carrier.journal, group, operation)
            for name in _to_carry(carrier, view, {*running, *elsewhere})[: carrier.abreast - len(running)]:
                running[name] = pool.submit(_move, carrier, view, name)
            if not running:
                return view
            wait(running.values(), return_when=FIRST_COMPLETED)
            for name in [n for n, future in running.items() if future.done()]:
                if not running.pop(name).result():
                    elsewhere.add(name)


def _to_carry(carrier: Carrier, view: GroupView, taken: set[str]) -> list[str]:
    """Whose turn it is, who is under way, and who was stuck and has been brought to an end by somebody since."""
    words = {name: view.standing(name).word for name in view.shape.names if name not in taken and not view.closed}
    ready = {name for name, word in words.items() if word in (Stands.NEXT, Stands.MOVING)}
    ready |= {name for name, word in words.items() if word is Stands.STUCK and not _stands_still(carrier, view, name)}
    return [name for name in words if name in ready]


def _stands_still(carrier: Carrier, view: GroupView, name: str) -> bool:
    leg = view.leg(name)
    assert leg is not None  # it is stuck in it
    return any(_is_open(carrier.world(name), part.operation) for part in leg.parts)


def _move(carrier: Carrier, view: GroupView, name: str) -> bool:
    """One member's move to its end. False if somebody else carries it on."""
    journal, group, actor = carrier.journal, view.group, carrier.actor
    leg = begin_member(journal, group, view.id, name, actor=actor)
    why = ""
    for part in leg.parts:
        carrier.say(f"{name}: {part.kind} to {part.target or 'where it is'}: {part.operation}")
        try:
            done = _carry(carrier, view, part)
        except LeaseLost as lost:
            carrier.say(f"{name}: carried on by somebody else: {lost}")
            return False
        except Halt as halt:
            member_stuck(journal, group, view.id, name, leg, why=str(halt), actor=actor)
            carrier.say(f"{name}: STUCK: {halt}")
            return True
        except EffectError as error:
            if _is_open(carrier.world(name), part.operation):
                member_stuck(journal, group, view.id, name, leg, why=str(error), actor=actor)
                carrier.say(f"{name}: STUCK: {error}")
                return True
            good, why = False, f"{part.kind}: {error}"
        else:
            good, why = done.outcome is GOOD_END[part.kind], _said(done)
        if not good:
            break
    end_member(journal, group, view.id, name, leg, good=good, why=why, actor=actor)
    carrier.say(f"{name}: {'done' if good else 'FAILED'}: {why}")
    return True


def _carry(carrier: Carrier, group: GroupView, part: Part) -> OperationView:
    """Open it, or take it over where it stands, and drive it. One that is closed already is as it is."""
    world, why = carrier.world(part.service), request_reason(group)
    found = _read(world, part.operation)
    if found is None:
        found = _opened(carrier, world, part, group, why)
    elif found.state is not OperationState.CLOSED:
        take_over(world, part.operation, person=carrier.person, reason=why, actor=carrier.actor)
    if found.state is OperationState.CLOSED:
        return found
    try:
        return drive(
            world, part.operation, actor=carrier.actor, ask=carrier.ask(world),
            say=lambda line: carrier.say(f"  {part.service}: {line}"),
        )  # fmt: skip
    finally:
        _let_go(world, part.operation, carrier.actor)


def _opened(carrier: Carrier, world: World, part: Part, group: GroupView, why: str) -> OperationView:
    request = Request(part.kind, part.request_id, group.requester, why, part.target)
    plan = PLANNERS[part.kind](world.policy, world.policy_digest)
    try:
        return open_operation(world, request, plan, actor=carrier.actor)
    except GivesWay as way:
        making_room.make_safe(world, way.operation, actor=carrier.actor)
        who, taker = carrier.person, f"a {part.kind} of the group {group.group}"
        making_room.carry_to_its_end(world, way.operation, taker=taker, person=who, actor=carrier.actor)
        return open_operation(world, request, plan, actor=carrier.actor)


def request_reason(group: GroupView) -> str:
    """What a member's operation says why it is."""
    return f"{group.reason} ({group.id})"


def _let_go(world: World, operation: str, actor: str) -> None:
    try:
        hand_back(world, operation, actor=actor)
    except LeaseLost:  # somebody else has it by now
        return


def _read(world: World, operation: str) -> OperationView | None:
    return fold_operation(world.journal.events(world.service, operation=operation))


def _is_open(world: World, operation: str) -> bool:
    view = _read(world, operation)
    return view is not None and view.state is not OperationState.CLOSED


def _said(view: OperationView) -> str:
    outcome = str(view.outcome).replace("_", " ")
    return f"{outcome}: {view.why_back}" if view.why_back else outcome
