"""The restored database is loaded into the live server, under a name that no client knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.errors import Refused
from tidegate.steps.check_restored import backups_of, live
from tidegate.steps.contract import Look, Result, Standing, StepWorld, Verb


class LoadRestored:
    """Users notice nothing; it takes room for the database once more, and its log to every standby."""

    def describe(self, args: Mapping[str, Any]) -> str:
        return "load the restored database into the live server, under a name that no client knows; compare the two"

    def check(self, args: Mapping[str, Any], world: StepWorld) -> Look:
        live(world)
        standing = backups_of(world).standing(world.binding.restored["id"], world.binding.source)
        if standing.swapped:
            raise Refused(f"{standing.replaced} is there: it was swapped before", next_step="look with psql")
        where = f"{standing.copy} in {world.binding.source}"
        return Look(Standing.DONE if standing.loaded else Standing.NOT_DONE, f"{where}: {_words(standing.loaded)}")

    def apply(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> None:
        backups_of(world).load(world.binding.restored["id"], world.binding.source, world.token)

    def verify(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> Result:
        """Row by row: what people sign for is what the service will work on."""
        restored, driver = world.binding.restored["id"], backups_of(world)
        standing = driver.standing(restored, world.binding.source)
        tables = driver.compare(restored, live(world), standing.copy)
        different = [one.table for one in tables if not one.same]
        if different or not standing.loaded:
            raise Refused(
                f"{standing.copy} is not what {restored} is: {', '.join(different) or 'not all is there'}",
                next_step="let it turn back: that drops the copy; then ask again",
            )
        words = f"{standing.copy} in {world.binding.source} has every row of {restored}, and no other"
        return Result(words, {"copy": standing.copy, "replaced": standing.replaced})


def _words(loaded: bool) -> str:
    return "all of it is there" if loaded else "not there, or not all of it"


VERB: Verb = LoadRestored()
