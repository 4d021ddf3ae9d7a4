"""The first step of every way back: make users safe at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.steps import return_traffic
from tidegate.steps.contract import Look, Result, StepWorld, Verb


class StopLoss:
    """Where this operation has begun to show a flag, the flags go back and the traffic stays: less is lost by that.
    Else the traffic goes back, as :mod:`~tidegate.steps.return_traffic` does it."""

    def describe(self, args: Mapping[str, Any]) -> str:
        return f"{return_traffic.VERB.describe(args)}; flags instead, if this operation has exposed any"

    def check(self, args: Mapping[str, Any], world: StepWorld) -> Look:
        return _means(world).check(args, world)

    def apply(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> None:
        _means(world).apply(args, world, look)

    def verify(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> Result:
        return _means(world).verify(args, world, look)


def _means(world: StepWorld) -> Verb:
    if not world.known.exposing:
        return return_traffic.VERB
    from tidegate.steps.registry import verb

    return verb("withdraw_flags")


VERB: Verb = StopLoss()
