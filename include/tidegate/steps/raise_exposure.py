"""Show the customers of a part what is behind the release's flags."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tidegate.model.flags import Setting
from tidegate.steps.contract import Look, Result, StepWorld, Verb
from tidegate.steps.flag_exposure import look_forward, opened, read_back, write


class RaiseExposure:
    """``exposed``: basis points of the customers. One that sees it already goes on seeing it; a flag that was shown to
    more before stays so."""

    def describe(self, args: Mapping[str, Any]) -> str:
        return f"show what is behind the release's new flags to {args['exposed'] / 100:g}% of the customers"

    def check(self, args: Mapping[str, Any], world: StepWorld) -> Look:
        return look_forward(world, _wanted(args, world))

    def apply(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> None:
        write(world, _wanted(args, world))

    def verify(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> Result:
        return read_back(world, _wanted(args, world), opened(world), world.release("candidate").version)


def _wanted(args: Mapping[str, Any], world: StepWorld) -> dict[str, Setting]:
    seen = {key: world.known.flags[key].now.exposed for key in opened(world) if key in world.known.flags}
    before = opened(world).items()
    return {key: replace(found, exposed=max(seen.get(key, 0), args["exposed"])) for key, found in before}


VERB: Verb = RaiseExposure()
