"""See that the regions are what the operation takes them for, before anything is touched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.drivers.database.contract import DatabaseState
from tidegate.errors import NotYet, Refused
from tidegate.steps.contract import Look, Result, StepWorld, Verb
from tidegate.steps.record import Record


class ChooseTarget(Record):
    """The source's database takes writes, the target's follows it. What was bound may have changed since."""

    def describe(self, args: Mapping[str, Any]) -> str:
        return "see that the source's database takes writes, and that the target's follows it"

    def verify(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> Result:
        source, target = world.binding.source, world.binding.target
        states = world.estate.database.observe()
        if states[target].role == "primary":
            raise Refused(f"{target} is the primary already", next_step="nothing to do; look: tidegate status")
        for region, role in ((source, "primary"), (target, "standby")):
            _expect(states[region], role)
        facts = {"source": source, "target": target, "position": states[source].position}
        return Result(f"{source} takes writes, {target} follows", facts)


def _expect(state: DatabaseState, role: str) -> None:
    if state.role == "unreachable":
        raise NotYet(
            f"the database in {state.region} does not answer ({state.why}), and a switchover takes both",
            next_step="wait until it does; is the region lost: tidegate failover",
        )
    if state.role != role:
        raise Refused(
            f"the database in {state.region} is a {state.role}, expected a {role}",
            next_step="look which one takes writes: tidegate status; protect the other one: tidegate reprotect",
        )


VERB: Verb = ChooseTarget()
