"""Give the candidate more of the traffic."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.model.traffic import Split
from tidegate.steps.contract import Look, Result, Standing, StepWorld, Verb

SETTLE_WITHIN = 10.0  # seconds for the router to report the split


class ShiftTraffic:
    """``weights``: region -> the candidate's part of that region's traffic, in basis points."""

    def describe(self, args: Mapping[str, Any]) -> str:
        first, *more = (f"{weight / 100:g}% of {region}'s" for region, weight in args["weights"].items())
        return f"candidate takes {', '.join([f'{first} sessions', *more])}"

    def check(self, args: Mapping[str, Any], world: StepWorld) -> Look:
        seen, wanted = world.estate.traffic.observe().split, world.split(args["weights"])
        if seen == wanted:
            return Look(Standing.DONE, f"the router has {seen}")
        if seen != world.known.left_split:
            return Look(Standing.FOREIGN_CHANGE, f"the router has {seen}, we left {world.known.left_split}")
        return Look(Standing.NOT_DONE, f"the router has {seen}")

    def apply(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> None:
        world.estate.traffic.apply(world.split(args["weights"]), world.token)

    def verify(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> Result:
        return read_back(world, world.split(args["weights"]))


def read_back(world: StepWorld, wanted: Split) -> Result:
    """Wait until the router itself reports ``wanted``."""
    traffic = world.estate.traffic
    world.wait(lambda: traffic.observe().split == wanted, within=SETTLE_WITHIN, what=f"routing {wanted}")
    return Result(f"the router has {wanted}", {"split": str(wanted)})


VERB: Verb = ShiftTraffic()
