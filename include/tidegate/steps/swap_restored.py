"""The restored database takes the live one's place, which is kept beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.errors import NotSettled
from tidegate.steps.check_restored import backups_of, live
from tidegate.steps.contract import Look, Result, Standing, StepWorld, Verb

TAKES_WRITES_WITHIN = 30.0  # seconds


class SwapRestored:
    """Every session is ended, and nobody is let in, until the names have changed hands: that is one step of the
    server's, so there is no half of it, and no instant with two databases of that name."""

    def describe(self, args: Mapping[str, Any]) -> str:
        return "end every session of the live database, and give its name to the restored one; the live one is kept"

    def check(self, args: Mapping[str, Any], world: StepWorld) -> Look:
        live(world)
        standing = backups_of(world).standing(world.binding.restored["id"], world.binding.source)
        if standing.swapped:
            return Look(Standing.DONE, f"{standing.replaced} is there: the names have changed hands")
        return Look(Standing.NOT_DONE, f"{standing.copy} waits")

    def apply(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> None:
        backups_of(world).swap(world.binding.restored["id"], world.binding.source, world.token)

    def verify(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> Result:
        restored, region = world.binding.restored["id"], world.binding.source
        standing = backups_of(world).standing(restored, region)
        if not standing.swapped:
            raise NotSettled(f"{restored} is not the live database", next_step="retry: it looks first")
        database = world.estate.database
        world.wait(lambda: region in database.writers(), within=TAKES_WRITES_WITHIN, what=f"{region} takes writes")
        words = f"{restored} is the live database and takes writes; what it has replaced is kept as {standing.replaced}"
        return Result(words, {"live": restored, "replaced": standing.replaced})


VERB: Verb = SwapRestored()
