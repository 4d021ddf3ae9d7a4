"""Bring a feature back that was switched off for want of capacity."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.model.flags import NEVER_SET, Setting, settings_from_json
from tidegate.steps.contract import Look, Result, Standing, StepWorld, Verb
from tidegate.steps.feature import set_rows
from tidegate.steps.flag_exposure import SETTLE_WITHIN, the_flags, write
from tidegate.steps.shift_region import counters_of


class RestoreFeature:
    """``flag``: its key; ``taken_by``: the step that switched it off. It stands again as it did before the
    failover. If somebody has set it meanwhile, it stays as they have it."""

    def describe(self, args: Mapping[str, Any]) -> str:
        return f"bring {args['flag']} back, as it stood before"

    def check(self, args: Mapping[str, Any], world: StepWorld) -> Look:
        flag, was, state = args["flag"], _was(args, world), the_flags(world).observe()
        aim = {"counters": counters_of(world, args), "left": False}
        if state.broken:
            return Look(Standing.FOREIGN_CHANGE, f"the source of flags cannot be understood: {state.broken}", aim)
        now = state.flags.get(flag, NEVER_SET)
        theirs = flag in state.edited | state.foreign | state.retired or now not in (was, NEVER_SET)
        if theirs:
            return Look(Standing.DONE, f"{flag}: set by somebody else meanwhile ({now})", {**aim, "left": True})
        return Look(Standing.DONE if now == was else Standing.NOT_DONE, f"{flag}: {now}", aim)

    def apply(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> None:
        write(world, {args["flag"]: _was(args, world)})

    def verify(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> Result:
        facts = {"counters": look.aim["counters"], "at": world.clock.now()}
        if look.aim["left"]:
            return Result(f"left alone: {look.detail}", facts)
        wanted, flags = {args["flag"]: _was(args, world)}, the_flags(world)
        world.wait(lambda: flags.observe().has(wanted), within=SETTLE_WITHIN, what=f"flag {args['flag']}")
        return Result(f"{args['flag']} is back: {wanted[args['flag']]}", facts, tuple(set_rows(world, wanted, wanted)))


def _was(args: Mapping[str, Any], world: StepWorld) -> Setting:
    return settings_from_json(world.known.facts[args["taken_by"]]["was"])[args["flag"]]


VERB: Verb = RestoreFeature()
