"""The candidate becomes a baseline, and its slot the stable one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.drivers.compute.contract import SlotSpec
from tidegate.errors import Refused
from tidegate.journal.model import EventKind
from tidegate.model.binding import release_to_json
from tidegate.model.traffic import TOTAL
from tidegate.steps.contract import Look, Result, StepWorld, Verb
from tidegate.steps.record import Record


class CertifyBaseline(Record):
    """Looks once more first: all traffic on the candidate, N of N instances on its digest, in every region."""

    def describe(self, args: Mapping[str, Any]) -> str:
        return "certify the release as a baseline; its slot is the stable one from now on"

    def verify(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> Result:
        release, slot = world.release("candidate"), world.binding.candidate_slot
        split = world.estate.traffic.observe().split
        if split != world.split(dict.fromkeys(world.shares, TOTAL)):
            raise Refused(f"not all traffic is on {release.version}: the router has {split}")
        desired = SlotSpec(release, int(world.settings["capacity"]["instances"]))
        for region in world.shares:
            arm = world.binding.arm(region, "candidate")
            if not world.estate.compute.settled(arm, desired):
                raise Refused(f"{arm} does not run {release.version} on {desired.instances} healthy instances")
        body = {"release": release_to_json(release), "slot": slot.value, "certified_by": world.operation}
        return Result(
            f"{release.version} is a certified baseline in slot {slot}", body, ((EventKind.BASELINE_CERTIFIED, body),)
        )


VERB: Verb = CertifyBaseline()
