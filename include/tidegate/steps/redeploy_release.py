"""The last rung: the baseline anew in a region, whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.steps import deploy_release
from tidegate.steps.contract import Look, Result, StepWorld, Verb


class RedeployRelease:
    """Every instance that is not healthy, or does not report the baseline's files, configuration and secrets, is
    replaced by one that does; done when N of N do. One that is as it should be is left alone: to replace what serves
    well would take from users what the way back is for.
    """

    def describe(self, args: Mapping[str, Any]) -> str:
        return f"run the baseline anew in {args['region']}: N of {args['instances']} instances, its files and secrets"

    def check(self, args: Mapping[str, Any], world: StepWorld) -> Look:
        return deploy_release.VERB.check(_as_stable(args), world)

    def apply(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> None:
        deploy_release.VERB.apply(_as_stable(args), world, look)

    def verify(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> Result:
        return deploy_release.VERB.verify(_as_stable(args), world, look)


def _as_stable(args: Mapping[str, Any]) -> dict[str, Any]:
    return {"region": args["region"], "instances": args["instances"], "role": "stable", "wait": True}


VERB: Verb = RedeployRelease()
