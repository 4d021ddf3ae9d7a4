"""Bring a region's stable release to the strength that it needs after this operation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.model.traffic import TOTAL
from tidegate.steps import deploy_release
from tidegate.steps.contract import Look, Result, StepWorld, Verb


class ScaleRegion:
    """``all``: instances where the region ends with all of the traffic. ``part``: where it does not. ``wait`` False:
    they are started, and whoever needs them waits for them behind a gate."""

    def describe(self, args: Mapping[str, Any]) -> str:
        counts = f"{args['all']} instances" + (
            f" ({args['part']} if it takes a part)" if args["all"] != args["part"] else ""
        )
        return f"run the stable release in the {args['region']} on {counts}"

    def check(self, args: Mapping[str, Any], world: StepWorld) -> Look:
        return deploy_release.VERB.check(_as_deployment(args, world), world)

    def apply(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> None:
        deploy_release.VERB.apply(_as_deployment(args, world), world, look)

    def verify(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> Result:
        return deploy_release.VERB.verify(_as_deployment(args, world), world, look)


def needed(args: Mapping[str, Any], world: StepWorld) -> int:
    """Instances that the region has once this operation is over."""
    carries_all = world.shares_at(TOTAL)[world.binding.region(args["region"])] == TOTAL
    return int(args["all"] if carries_all else args["part"])


def _as_deployment(args: Mapping[str, Any], world: StepWorld) -> dict[str, Any]:
    region = world.binding.region(args["region"])
    return {"region": region, "role": "stable", "instances": needed(args, world), "wait": args.get("wait", True)}


VERB: Verb = ScaleRegion()
