"""What a way back leaves undone because a region does not answer: a debt, in the journal, never a block.

The other regions' users come first. A region that is silent for a moment only is not given up: it is asked again for a
while, and if it answers the step is tried again as any other.
"""

from __future__ import annotations

from tidegate.engine.world import World
from tidegate.errors import Unreachable
from tidegate.plan.model import Step
from tidegate.plan.return_path import WAY_BACK
from tidegate.steps.contract import Result
from tidegate.steps.registry import verb

GIVE_UP_AFTER = 10.0  # seconds of silence
ASK_EVERY = 1.0


def as_debt(world: World, step: Step, error: Unreachable) -> Result | None:
    """What is recorded in place of the step's own result; None if the step must be tried again: its region answers, or
    it is no step that may be left."""
    if not step.args.get(WAY_BACK):
        return None
    region = str(step.args["region"])
    if _answers(world, region):
        return None
    what = verb(step.verb).describe(step.args)
    facts = {"debt": {"region": region, "what": what, "why": error.message}}
    return Result(f"left as a debt, since {region} does not answer: {what} ({error.message})", facts)


def _answers(world: World, region: str) -> bool:
    give_up = world.clock.now() + GIVE_UP_AFTER
    while True:
        try:
            world.estate.compute.ping(region)
            return True
        except Unreachable:
            if world.clock.now() >= give_up:
                return False
        world.clock.sleep(ASK_EVERY)
