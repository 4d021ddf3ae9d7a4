"""The primary takes no write any more, and the standby gets everything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.errors import NotSettled, Refused
from tidegate.steps.contract import Look, Result, Standing, StepWorld, Verb


class QuiesceDatabase:
    """``region``: whose writes stop. ``then``: the region whose database has to have everything within ``within``
    seconds. Users' writes wait or are refused meanwhile, so it gives up soon, and the way back lets them go on."""

    def describe(self, args: Mapping[str, Any]) -> str:
        return f"the {args['region']}'s database takes no write any more; the {args['then']}'s gets everything it has"

    def check(self, args: Mapping[str, Any], world: StepWorld) -> Look:
        state = world.estate.database.observe()[world.binding.region(args["region"])]
        if state.role == "primary" and state.read_only:
            return Look(Standing.DONE, f"{state.region} takes no writes")
        return Look(Standing.NOT_DONE, f"{state.region} is {state.role}")

    def apply(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> None:
        world.estate.database.quiesce(world.binding.region(args["region"]), world.token)

    def verify(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> Result:
        source, target = world.binding.region(args["region"]), world.binding.region(args["then"])
        position = self._position(source, world, look)
        try:
            world.wait(
                lambda: (world.estate.database.observe()[target].received or -1) >= position,
                within=float(args["within"]),
                what=f"{target} has all up to {position}",
            )
        except NotSettled as late:
            raise Refused(
                f"{late.message}: {source} takes no writes, and {target} has not got everything",
                next_step="nothing was stopped: the way back lets writes go on; see why the standby lags",
            ) from late
        return Result(f"{source} takes no writes, {target} has all of it ({position})", {"position": position})

    def _position(self, source: str, world: StepWorld, look: Look) -> int:
        """How far the source has written, now that nobody writes. Users wait, so what was just done is looked at and
        not done again; whoever finds it begun does it again, since its setting is in force before its sessions are
        ended."""
        if look.standing is Standing.NOT_DONE:
            state = world.estate.database.observe()[source]
            if state.role == "primary" and state.read_only and state.position is not None:
                return state.position
        return world.estate.database.quiesce(source, world.token)


VERB: Verb = QuiesceDatabase()
