"""The way back of a switchover that was not carried through: the old primary takes writes again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.errors import Refused
from tidegate.steps.contract import Look, Result, Standing, StepWorld, Verb


class UnquiesceDatabase:
    """Refuses where that database was stopped: from there on the way is forward."""

    def describe(self, args: Mapping[str, Any]) -> str:
        return f"the {args['region']}'s database takes writes again, if it was told not to"

    def check(self, args: Mapping[str, Any], world: StepWorld) -> Look:
        region = world.binding.region(args["region"])
        state = world.estate.database.observe()[region]
        if state.role == "primary" and not state.read_only:
            return Look(Standing.DONE, f"{region} takes writes")
        if world.estate.database.fenced(region) is not None:
            raise Refused(
                f"the database in {region} is stopped, so writes cannot go on there",
                next_step=f"go forward: tidegate failover <service> --to {world.binding.target} --reason <why>",
            )
        return Look(Standing.NOT_DONE, f"{region} is {state.role}, and takes no writes")

    def apply(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> None:
        world.estate.database.unquiesce(world.binding.region(args["region"]), world.token)

    def verify(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> Result:
        region = world.binding.region(args["region"])
        world.wait(lambda: region in world.estate.database.writers(), within=10.0, what=f"{region} takes writes")
        return Result(f"{region} takes writes")


VERB: Verb = UnquiesceDatabase()
