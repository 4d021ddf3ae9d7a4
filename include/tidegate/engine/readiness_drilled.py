"""Whether what would be done was done before, lately, and well: the last drill."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.engine.drills import Held, drills, last_good
from tidegate.engine.facts import ServiceFacts
from tidegate.engine.readiness_item import Item, State, never, red
from tidegate.engine.world import World
from tidegate.policy.quantities import duration_text

WHAT = "drill"


def drilled(world: World, facts: ServiceFacts, actor: str) -> Iterator[Item]:
    """Nothing for an environment of drills, nor for a service that neither moves nor is rehearsed."""
    policy = world.policy
    if policy.drivers.faults is not None or (policy.drills is None and policy.failover is None):
        return
    if policy.drills is None:
        hint = "add drills to the policy; until then: tidegate switchover there and back"
        yield never(WHAT, "none was ever held, and the policy has none", hint)
        return
    yield judged(policy.service, drills(world.journal, policy.service), policy.drills.every, world.clock.now())


def judged(service: str, held: list[Held], every: float, now: float) -> Item:
    """``every``: how old the last good one may be, seconds. Pure."""
    again, good = f"tidegate drill {service}", last_good(held)
    look = f"tidegate drills {service}, then: {again}"
    if not held:
        return never(WHAT, "none was ever held", again)
    failed = next((one for one in reversed(held) if one.ended is not None and not one.ok), None)
    if good is None or good.ended is None:
        return red(
            WHAT, f"{len(held)} held, none passed: {_why(held[-1])}", f"tidegate drills {service}, then: {again}"
        )
    age = now - good.ended
    words = f"{good.id} passed {duration_text(round(age))} ago"
    if age > every:
        return red(WHAT, f"overdue: {words}, and one is wanted every {duration_text(every)}", again)
    if failed is not None and failed.began > good.began:
        return red(WHAT, f"the last one failed: {_why(failed)}", look)
    return Item(WHAT, State.READY, f"{words}: {', '.join(good.scenarios)}")


def _why(held: Held) -> str:
    said = [*held.wrong, *(one for result in held.results for one in result.wrong)]
    return f"{held.id}: {said[0] if said else 'not at its end'}"
