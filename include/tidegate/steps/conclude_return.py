"""Record which release is the baseline after a way back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.errors import Refused
from tidegate.journal.model import EventKind
from tidegate.model.binding import release_to_json
from tidegate.steps.contract import Look, Result, StepWorld, Verb
from tidegate.steps.record import Record


class ConcludeReturn(Record):
    """Only where the operation had certified its candidate, and traffic was taken from it since, a row is needed:
    without one the journal would go on to call the candidate stable."""

    def describe(self, args: Mapping[str, Any]) -> str:
        return "record the baseline as the stable release again, if this operation had certified another"

    def verify(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> Result:
        stable = world.binding.stable
        if not world.known.certified:
            return Result(f"{stable.version} has been the baseline all along")
        split = world.estate.traffic.observe().split
        if split is None:
            raise Refused("the router has no route of ours, so nobody knows which release is stable")
        left = world.candidate_weights(split)
        if all(weight == 10_000 for weight in left.values()):
            version = world.release("candidate").version
            return Result(f"{version} stays the baseline: its traffic was not taken back")
        if any(left.values()):
            raise Refused(f"the router has {split}: some traffic is still on the release that was left")
        body = {"release": release_to_json(stable), "slot": world.binding.stable_slot.value}
        return Result(f"{stable.version} is the stable release", body, ((EventKind.BASELINE_RESTORED, body),))


VERB: Verb = ConcludeReturn()
