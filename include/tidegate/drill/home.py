"""The way back to where a drill began: faults are lifted, then the service's own plans bring it home."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tidegate.drill.cast import Cast
from tidegate.drill.copies import drop_copies
from tidegate.drill.steady import Steady, differences, look
from tidegate.drivers.compute.contract import SlotSpec
from tidegate.drivers.token import Token
from tidegate.engine.bind_moving import home_of
from tidegate.engine.facts import FACT_KINDS, fold_facts
from tidegate.engine.view import fold_operation
from tidegate.errors import NotSettled, Refused, TidegateError
from tidegate.model.drill import Phase, Scenario
from tidegate.model.operation import OperationKind, OperationState
from tidegate.model.topology import Arm

MOST = 5  # operations on the way; more would go in circles
ENDS_WITHIN = 900.0  # seconds, each
SETTLES_WITHIN = 60.0  # seconds until what is home looks as it did


def go_home(cast: Cast, scenario: Scenario | None, before: Steady) -> list[str]:
    """Until it is as it was. ``scenario``: None: of a drill whose holder died. Returns the operations that it took.
    Raises :class:`NotSettled` if it does not come to that, and as asking does."""
    which = f"{cast.id}-{scenario.value if scenario else 'left'}"
    for one in cast.faults.active():
        cast.faults.lift(one.id)
    if not cast.wait(cast.hands.there, ENDS_WITHIN, scenario, Phase.HOME):
        raise NotSettled("Airflow has not come back", next_step=f"see its own logs; then {by_hand(cast)}")
    done: list[str] = []
    for _ in range(MOST):
        cast.wait(lambda: not _open(cast), ENDS_WITHIN, scenario, Phase.HOME)
        wanted = what_next(cast, before)
        if wanted is None:
            break
        kind, target = wanted
        conf = {"reason": f"drill {cast.id}: the way back", **({"target": target} if target else {})}
        operation = cast.hands.ask(kind, conf, f"{which}-home-{len(done)}")
        done.append(_to_its_end(cast, scenario, operation))
    empty_slots(cast, before)
    shrink_slots(cast, before)
    drop_copies(cast, cast.id)
    if not cast.wait(lambda: not list(differences(before, look(cast.world))), SETTLES_WITHIN, scenario, Phase.HOME):
        words = "; ".join(differences(before, look(cast.world)))
        raise NotSettled(f"not as it was: {words}", next_step=by_hand(cast))
    return done


def by_hand(cast: Cast) -> str:
    """What somebody does about an environment that was not brought home. Production was not touched."""
    service, home = cast.world.service, home_of(cast.world.policy)
    move = (
        f", tidegate reprotect {service}, tidegate switchover {service} --to {home}"
        if cast.world.policy.failover
        else ""
    )
    return f"bring {service} home by hand ({cast.service} was not touched): tidegate status {service}{move}"


def what_next(cast: Cast, before: Steady) -> tuple[OperationKind, str] | None:
    """The next operation on the way home, and its target; None if it is there."""
    world = cast.world
    facts = fold_facts(world.journal.events(world.service, kinds=FACT_KINDS))
    if before.stable and facts.stable is not None and facts.stable.version != before.stable:
        return OperationKind.ROLLBACK, before.stable
    if world.policy.failover is None:
        return None
    place, home = facts.placement, home_of(world.policy)
    writers = [region for region, state in world.estate.database.observe().items() if state.role == "primary"]
    if not writers:
        return OperationKind.FAILOVER, place.primary if place else home
    if place is not None and not place.protected:
        return OperationKind.REPROTECT, ""
    if writers != [home] or (place is not None and place.away):
        return OperationKind.SWITCHOVER, home
    return None


def empty_slots(cast: Cast, before: Steady) -> None:
    """A way back that stops at its first rung leaves the release running beside, for whoever wants to look at it. What
    was not there before the drill, and takes no traffic now, is stopped. Raises :class:`Refused` where it does."""
    world = cast.world
    for name in sorted(set(look(world).slots) - set(before.slots)):
        arm, split = Arm.parse(name), world.estate.traffic.observe().split
        if split is None or split[arm] or _open(cast):
            raise Refused(f"{arm} was empty before the drill, and takes traffic now", next_step=by_hand(cast))
        token = Token(world.journal.head(world.service).epoch, cast.id)
        world.estate.compute.apply(arm, SlotSpec(None, 0), token, _no_files)


def shrink_slots(cast: Cast, before: Steady) -> None:
    """A failover that found its way in place, since nothing was lost for good, leaves the slots as strong as it needed
    them. Those that run more of the certified release than before are made as strong as they were."""
    world = cast.world
    stable = fold_facts(world.journal.events(world.service, kinds=FACT_KINDS)).stable
    now = look(world)
    for name, were in before.strength.items():
        if stable is None or _open(cast) or now.strength.get(name, 0) <= were:
            continue
        if now.slots[name].startswith(f"{stable.version} "):
            token = Token(world.journal.head(world.service).epoch, cast.id)
            world.estate.compute.apply(Arm.parse(name), SlotSpec(stable, were), token, _no_files)


def _no_files() -> Path:
    raise AssertionError("a slot that is emptied or shrinks needs no files")


def _to_its_end(cast: Cast, scenario: Scenario | None, operation: str) -> str:
    world = cast.world

    def closed() -> bool:
        view = fold_operation(world.journal.events(world.service, operation=operation))
        return view is not None and view.state is OperationState.CLOSED

    if not cast.wait(closed, ENDS_WITHIN, scenario, Phase.HOME):
        raise NotSettled(
            f"{operation} has not ended within {ENDS_WITHIN:g} s", next_step=f"look: tidegate status {world.service}"
        )
    return operation


def _open(cast: Cast) -> bool:
    return cast.world.journal.head(cast.world.service).lease is not None


def left_over(cast: Cast) -> Iterator[str]:
    """What a drill has left behind besides what the steady state shows."""
    try:
        yield from (f"a fault is still there: {one.fault}" for one in cast.faults.active())
        yield from (f"users are still there: {which}" for which in cast.load.running())
    except TidegateError as error:
        yield f"whether anything is left could not be looked at: {error.message}"
