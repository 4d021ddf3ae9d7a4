"""What was shown to everybody and held is known to be good from now on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.drivers.flags.contract import Setting
from tidegate.model.traffic import TOTAL
from tidegate.steps.contract import Look, Result, StepWorld, Verb
from tidegate.steps.flag_exposure import look_forward, opened, read_back, write


class SettleFlags:
    """Their last-known-good value becomes on: what an outage of the source falls back to, and what the next release
    must have as its default."""

    def describe(self, args: Mapping[str, Any]) -> str:
        return "the new flags are known to be good: an outage of their source leaves them on"

    def check(self, args: Mapping[str, Any], world: StepWorld) -> Look:
        return look_forward(world, _wanted(world))

    def apply(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> None:
        write(world, _wanted(world))

    def verify(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> Result:
        return read_back(world, _wanted(world), opened(world), world.release("candidate").version)


def _wanted(world: StepWorld) -> dict[str, Setting]:
    return dict.fromkeys(opened(world), Setting(TOTAL, default=True))


VERB: Verb = SettleFlags()
