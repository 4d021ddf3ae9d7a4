"""Empty a slot: stop the release that traffic has left."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tidegate.drivers.compute.contract import SlotSpec
from tidegate.errors import Refused
from tidegate.model.topology import Slot
from tidegate.steps.contract import Look, Result, Standing, StepWorld, Verb
from tidegate.steps.preview_route import refuse_shown

STOP_WITHIN = 60.0  # seconds for graceful stops
EMPTY = SlotSpec(None, 0)


class WithdrawRelease:
    """Refuses while the slot takes any traffic, or a header leads to it."""

    def describe(self, args: Mapping[str, Any]) -> str:
        return f"stop the {args['role']} release in {args['region']}"

    def check(self, args: Mapping[str, Any], world: StepWorld) -> Look:
        arm = world.binding.arm(args["region"], args["role"])
        split = world.estate.traffic.observe().split
        if split is None or split[arm]:
            raise Refused(f"{arm} still takes traffic ({split})", next_step="bring its weight to 0 first")
        if arm.slot is Slot.PREVIEW:
            refuse_shown(arm, world)
        state = world.estate.compute.observe(arm)
        if state.matches(EMPTY):
            return Look(Standing.DONE, f"{arm} is empty")
        return Look(Standing.NOT_DONE, f"{arm} runs {state.version} on {len(state.instances)} instances")

    def apply(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> None:
        arm = world.binding.arm(args["region"], args["role"])
        world.estate.compute.apply(arm, EMPTY, world.token, _nothing_to_fetch)

    def verify(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> Result:
        arm = world.binding.arm(args["region"], args["role"])
        world.wait(lambda: world.estate.compute.settled(arm, EMPTY), within=STOP_WITHIN, what=f"{arm} empty")
        return Result(f"{arm} is empty")


def _nothing_to_fetch() -> Path:
    raise AssertionError("an empty slot needs no files")


VERB: Verb = WithdrawRelease()
