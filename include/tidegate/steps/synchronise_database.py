"""From now on the primary acknowledges a write once the standby holds it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.steps.contract import Look, Result, Standing, StepWorld, Verb

WAITS_WITHIN = 30.0  # seconds


class SynchroniseDatabase:
    """``region``: the standby that is waited for."""

    def describe(self, args: Mapping[str, Any]) -> str:
        return f"writes are acknowledged only once the {args['region']}'s database holds them"

    def check(self, args: Mapping[str, Any], world: StepWorld) -> Look:
        region = world.binding.region(args["region"])
        done = _waited_for(world, region)
        return Look(Standing.DONE if done else Standing.NOT_DONE, f"{region} is {'' if done else 'not '}waited for")

    def apply(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> None:
        world.estate.database.synchronise(world.binding.region(args["region"]), world.token)

    def verify(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> Result:
        region = world.binding.region(args["region"])
        world.wait(lambda: _waited_for(world, region), within=WAITS_WITHIN, what=f"{region} is waited for")
        return Result(f"writes wait for {region}", {"synced": region})


def _waited_for(world: StepWorld, region: str) -> bool:
    return bool(world.estate.database.observe()[region].synchronous)


VERB: Verb = SynchroniseDatabase()
