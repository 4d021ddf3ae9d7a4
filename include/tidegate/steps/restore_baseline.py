"""Record that a rollback has made a baseline the stable release again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.errors import Refused
from tidegate.journal.model import EventKind
from tidegate.model.binding import release_to_json
from tidegate.steps.contract import Look, Result, StepWorld, Verb
from tidegate.steps.record import Record


class RestoreBaseline(Record):
    """Looks once more: no traffic on the release that was left."""

    def describe(self, args: Mapping[str, Any]) -> str:
        return "record the baseline as the stable release again"

    def verify(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> Result:
        split = world.estate.traffic.observe().split
        if split != world.split({}):
            raise Refused(f"the router has {split}: some traffic is still on the release that was left")
        body = {"release": release_to_json(world.binding.stable), "slot": world.binding.stable_slot.value}
        return Result(
            f"{world.binding.stable.version} is the stable release", body, ((EventKind.BASELINE_RESTORED, body),)
        )


VERB: Verb = RestoreBaseline()
