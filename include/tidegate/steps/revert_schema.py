"""A rung of the way back: the schema as the release that is gone back to needs it, by the left release's downgrades."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tidegate.drivers.migrations.contract import SchemaState
from tidegate.errors import NotSettled, Refused
from tidegate.model.release import Release
from tidegate.steps.contract import Look, Result, Standing, StepWorld, Verb
from tidegate.steps.schema_range import PROVE_NODE, driver, refuse_completed

AIM, FROM, CHANGED = "to", "from", "changed"


class RevertSchema:
    """A promotion goes back to the revision from before it expanded; a rollback to what its baseline needs.

    Never past a completed contract: that is refused, and the operation holds for a person. ``args``: ``lock_timeout``
    in seconds.
    """

    def describe(self, args: Mapping[str, Any]) -> str:
        return "take the schema back to what the release that is gone back to needs; never past a completed contract"

    def check(self, args: Mapping[str, Any], world: StepWorld) -> Look:
        state = driver(world).observe()
        target = _target(world)
        aim = {FROM: _came_from(world, state), AIM: target}
        if not target or state.revision == target:
            why = f"the schema is at {state.revision}"
            return Look(Standing.DONE, why if target else f"{why}, and the baseline names no revision", aim)
        refuse_completed(_down(world, state, target), world.known.contracts)
        if not _down(world, state, target):
            return Look(Standing.DONE, f"the schema is at {state.revision}, which is before {target}", aim)
        return Look(Standing.NOT_DONE, f"the schema is at {state.revision}, to be at {target}", aim)

    def apply(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> None:
        files = _files(world)
        driver(world).migrate(files, look.aim[AIM], world.token, float(args.get("lock_timeout", 2.0)))

    def verify(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> Result:
        at, target, came_from = driver(world).observe().revision, look.aim[AIM], look.aim[FROM]
        if look.standing is Standing.NOT_DONE and at != target:
            raise NotSettled(f"the schema is at {at}, not at {target}", next_step="retry: it looks first")
        changed = at != came_from
        detail = f"the schema went back from {came_from} to {at}" if changed else f"nothing to take back: {look.detail}"
        return Result(detail, {CHANGED: changed, FROM: came_from, AIM: at})


def _target(world: StepWorld) -> str:
    proved = world.known.facts.get(PROVE_NODE)
    return str(proved["at"]) if proved else world.binding.stable.schema_revision


def _came_from(world: StepWorld, state: SchemaState) -> str:
    """Where the operation had brought the schema, or left it: also after a try that was killed behind its effect."""
    proved = world.known.facts.get(PROVE_NODE)
    if proved is not None:
        return str(proved["to"]) if world.known.expanded else str(proved["at"])
    return left_release(world).schema_revision or state.revision


def left_release(world: StepWorld) -> Release:
    """The release that is left: as it was verified in this operation, or as it is on offer."""
    if "admit.verify" in world.known.facts:
        return world.release("candidate")
    return world.estate.artifacts.verify(world.binding.candidate_version)


def _files(world: StepWorld) -> Path:
    return world.estate.artifacts.fetch(left_release(world))


def _down(world: StepWorld, state: SchemaState, target: str) -> tuple[str, ...]:
    try:
        return tuple(reversed(driver(world).between(_files(world), target, state.revision)))
    except Refused as error:
        raise Refused(
            f"the release that is left does not hold the way from {state.revision} to {target}: {error.message}",
            next_step="go there by hand with `alembic downgrade`, then retry this task: it looks first",
        ) from error


VERB: Verb = RevertSchema()
