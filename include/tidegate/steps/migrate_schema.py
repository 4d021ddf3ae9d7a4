"""Expand: bring the schema to what the candidate needs, before it takes any traffic."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.errors import NotSettled
from tidegate.steps.contract import Look, Result, Standing, StepWorld, Verb
from tidegate.steps.schema_range import PROVE_NODE, driver, expand_range


class MigrateSchema:
    """Done when the live primary says that it is at the revision. ``args``: ``lock_timeout`` in seconds.

    Where it came from stands in the facts of the proof before it: a try that was killed after its effect finds the
    schema migrated, and could not tell any more.
    """

    def describe(self, args: Mapping[str, Any]) -> str:
        return "expand the database's schema to what the candidate needs, in one transaction"

    def check(self, args: Mapping[str, Any], world: StepWorld) -> Look:
        proved, at = world.known.facts[PROVE_NODE], driver(world).observe().revision
        if at == proved["to"]:
            return Look(Standing.DONE, f"the schema is at {at}")
        if at != proved["at"]:
            detail = f"the schema was at {proved['at']} when it was looked at, and is at {at} now"
            return Look(Standing.FOREIGN_CHANGE, detail)
        return Look(Standing.NOT_DONE, f"the schema is at {at}, to be at {proved['to']}")

    def apply(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> None:
        proved = world.known.facts[PROVE_NODE]
        found = expand_range(world, world.release("candidate"), proved["at"])
        driver(world).migrate(found.files, proved["to"], world.token, float(args["lock_timeout"]))

    def verify(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> Result:
        proved, at = world.known.facts[PROVE_NODE], driver(world).observe().revision
        if at != proved["to"]:
            raise NotSettled(f"the schema is at {at}, not at {proved['to']}", next_step="retry: it looks first")
        facts = {"from": proved["at"], "to": at, "revisions": proved["revisions"]}
        if not proved["revisions"]:
            return Result(f"nothing to migrate: the schema is at {at}", facts)
        return Result(f"the schema went from {proved['at']} to {at}: {', '.join(proved['revisions'])}", facts)


VERB: Verb = MigrateSchema()
