"""Take traffic away from the candidate. Never gives it more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.model.traffic import Split
from tidegate.steps.contract import Look, Result, Standing, StepWorld, Verb
from tidegate.steps.shift_traffic import read_back
from tidegate.steps.stable_capacity import measure


class ReturnTraffic:
    """Each region's candidate weight goes down to ``at_most`` basis points; a lower one stays.

    ``as_far_as_safe``: only as low as the stable arms' running capacity can carry, unless the fast lane is open; the
    rest is left to the steps that follow.
    """

    def describe(self, args: Mapping[str, Any]) -> str:
        safe = ", as far as the stable arms can carry at once" if args.get("as_far_as_safe") else ""
        return f"candidate takes at most {args['at_most'] / 100:g}% of any region's traffic{safe}"

    def check(self, args: Mapping[str, Any], world: StepWorld) -> Look:
        state = world.estate.traffic.observe()
        wanted = _wanted(args, world, state.split)
        done = state.split == wanted and state.epoch >= world.known.fence
        standing = Standing.DONE if done else Standing.NOT_DONE
        return Look(standing, f"the router has {state.split}", {"split": str(wanted)})

    def apply(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> None:
        world.estate.traffic.apply(Split.parse(look.aim["split"]), world.token)

    def verify(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> Result:
        return read_back(world, Split.parse(look.aim["split"]))


def _wanted(args: Mapping[str, Any], world: StepWorld, seen: Split | None) -> Split:
    now = world.candidate_weights(seen) if seen else dict.fromkeys(world.shares, 0)
    floor = dict.fromkeys(now, args["at_most"])
    if args.get("as_far_as_safe") and any(now.values()) and not world.fast_lane:
        floor = {region: max(args["at_most"], row.lowest_safe) for region, row in measure(world).items()}
    return world.split({region: min(weight, floor[region]) for region, weight in now.items()})


VERB: Verb = ReturnTraffic()
