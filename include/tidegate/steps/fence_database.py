"""See to it that the old primary accepts no write and cannot begin to, and keep the proof."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from tidegate.drivers.database.contract import Fence
from tidegate.errors import EffectError, NotSettled, Refused, Unreachable
from tidegate.steps.contract import Look, Result, Standing, StepWorld, Verb


class FenceDatabase:
    """``region``: what is fenced. ``then``: the region that is to take writes. ``graceful``: it has to have everything
    first, and without a proof the step fails. Not graceful: that there is no proof is a result as well; people decide
    then, and the promotion looks again."""

    def describe(self, args: Mapping[str, Any]) -> str:
        how = "stop it by its own control" if args["graceful"] else "by power, if it does not answer"
        return f"fence the {args['region']}'s database ({how}), so that it accepts no write and cannot begin to"

    def check(self, args: Mapping[str, Any], world: StepWorld) -> Look:
        region = world.binding.region(args["region"])
        proof = world.estate.database.fenced(region)
        if proof is not None:
            return Look(Standing.DONE, proof.detail)
        if args["graceful"]:
            _has_everything(args, world)
        return Look(Standing.NOT_DONE, f"nothing proves that {region} takes no writes")

    def apply(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> None:
        region = world.binding.region(args["region"])
        try:
            world.estate.database.fence(region, world.token, graceful=bool(args["graceful"]))
        except Unreachable:
            if args["graceful"]:
                raise

    def verify(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> Result:
        region = world.binding.region(args["region"])
        proof = world.estate.database.fenced(region)
        if proof is not None:
            complete = _complete(args, world, proof)
            facts = {"fenced": True, "complete": complete, "fence": proof.to_json(), **_mark(args, world)}
            return Result(f"fenced: {proof.detail}", facts)
        if args["graceful"]:
            raise NotSettled(f"{region} was told to stop, and nothing proves that it has", next_step="retry this task")
        words = f"NOT FENCED: neither {region} nor the switch outside it answers, so it may still take writes"
        return Result(words, {"fenced": False, "complete": False, **_mark(args, world)})


def _has_everything(args: Mapping[str, Any], world: StepWorld) -> None:
    """Nothing is stopped before: a standby that lacks something would be promoted without it."""
    states = world.estate.database.observe()
    source, target = states[world.binding.region(args["region"])], states[world.binding.region(args["then"])]
    if source.role != "primary" or not source.read_only or source.position is None:
        raise Refused(
            f"{source.region} is {source.role} and may still take writes: it is quiesced before it is stopped"
        )
    if (target.received or -1) < source.position:
        raise Refused(
            f"{target.region} has {target.received} of {source.position}: nothing is stopped before it has all"
        )


def _complete(args: Mapping[str, Any], world: StepWorld, proof: Fence) -> bool:
    """Whether the target is proved to have all that the source has acknowledged."""
    received = world.estate.database.observe()[world.binding.region(args["then"])].received
    return proof.position is not None and received is not None and received >= proof.position


def _mark(args: Mapping[str, Any], world: StepWorld) -> dict[str, str]:
    """How far the region that takes over has come, for the ledger of what it has not got. A failover waits for no
    mark."""
    if args["graceful"] or not world.settings["failover"].get("ledger"):
        return {}
    with contextlib.suppress(EffectError):
        return {"mark": world.estate.database.mark(world.binding.region(args["then"]))}
    return {}


VERB: Verb = FenceDatabase()
