"""None of the service's singletons runs in a region any more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.errors import EffectError, NotSettled, OutcomeUnknown, Unreachable
from tidegate.steps.contract import Look, Result, Standing, StepWorld, Verb

_OUT_OF_REACH = (Unreachable, OutcomeUnknown, NotSettled)


class StopSingletons:
    """``region``: where. ``jobs``: which. ``lost``: the region may be out of reach; then nothing is known of what it
    runs, and what it runs is refused by the database as soon as a newer one has begun."""

    def describe(self, args: Mapping[str, Any]) -> str:
        where = f"the {args['region']}{', if it can be reached' if args['lost'] else ''}"
        return f"stop {', '.join(args['jobs'])} in {where}"

    def check(self, args: Mapping[str, Any], world: StepWorld) -> Look:
        try:
            left = _left(args, world)
        except Unreachable as silent:
            if not args["lost"]:
                raise
            return Look(Standing.DONE, silent.message)
        where = world.binding.region(args["region"])
        return Look(Standing.NOT_DONE, f"{', '.join(left) or 'nothing'} runs in {where}")  # that it is told, counts

    def apply(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> None:
        region = world.binding.region(args["region"])
        try:
            for job in args["jobs"]:
                world.estate.compute.stop_singleton(region, job, world.token)
        except _OUT_OF_REACH:
            if not args["lost"]:
                raise

    def verify(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> Result:
        region, facts = world.binding.region(args["region"]), {"epoch": world.token.epoch}
        try:
            left = _left(args, world)
        except Unreachable as silent:
            return self._unknown(args, facts, silent)
        if left and not args["lost"]:
            raise NotSettled(f"{', '.join(left)} still runs in {region}", next_step="retry this task; or end it there")
        if left:
            words = f"{', '.join(left)} still runs in {region}; the database refuses it once a newer one has begun"
            return Result(words, {**facts, "stopped": False})
        return Result(f"{', '.join(args['jobs'])}: stopped in {region}", {**facts, "stopped": True})

    def _unknown(self, args: Mapping[str, Any], facts: Mapping[str, Any], silent: EffectError) -> Result:
        if not args["lost"]:
            raise silent
        words = f"{silent.message}; what it runs is refused by the database once a newer one has begun"
        return Result(words, {**facts, "stopped": False})


def _left(args: Mapping[str, Any], world: StepWorld) -> list[str]:
    """Those of the jobs that run in the region."""
    region, compute = world.binding.region(args["region"]), world.estate.compute
    return [job for job in args["jobs"] if compute.singleton(region, job).epoch is not None]


VERB: Verb = StopSingletons()
