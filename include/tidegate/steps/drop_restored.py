"""The way back of a restore that was not carried through: what was loaded is dropped, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.errors import NotSettled, Refused
from tidegate.steps.check_restored import backups_of
from tidegate.steps.contract import Look, Result, Standing, StepWorld, Verb


class DropRestored:
    """Looks at the names first: it never drops what is live, nor what was replaced."""

    def describe(self, args: Mapping[str, Any]) -> str:
        return "drop what was loaded of the restored database; the live one stays as it is"

    def check(self, args: Mapping[str, Any], world: StepWorld) -> Look:
        standing = backups_of(world).standing(world.binding.restored["id"], world.binding.source)
        if standing.swapped:
            raise Refused(
                f"{standing.replaced} is there: the names have changed hands, and nothing is dropped",
                next_step="look with psql; the replaced database has everything that was there before",
            )
        return Look(Standing.NOT_DONE, f"{standing.copy} is no longer needed")

    def apply(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> None:
        backups_of(world).drop_copy(world.binding.restored["id"], world.binding.source, world.token)

    def verify(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> Result:
        standing = backups_of(world).standing(world.binding.restored["id"], world.binding.source)
        if standing.loaded:
            raise NotSettled(f"{standing.copy} is still there", next_step="retry: it looks first")
        return Result(f"{standing.copy} is gone; the live database was not touched")


VERB: Verb = DropRestored()
