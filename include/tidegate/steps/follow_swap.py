"""Standbys have the swap as well, and nobody there reads what was replaced."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.steps.check_restored import backups_of
from tidegate.steps.contract import Look, Result, Standing, StepWorld, Verb


class FollowSwap:
    """A standby that does not answer holds nothing up: it gets the swap with everything else once it is back."""

    def describe(self, args: Mapping[str, Any]) -> str:
        return "see that the standbys have the swap, and end who still reads the replaced database there"

    def check(self, args: Mapping[str, Any], world: StepWorld) -> Look:
        return Look(Standing.NOT_DONE, "standbys follow by replication")

    def apply(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> None:
        return None  # looking ends those sessions, as often as one likes

    def verify(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> Result:
        late = backups_of(world).follow(world.binding.restored["id"], world.binding.source)
        words = f"NOT YET IN {', '.join(late)}: it gets it by replication; restart who reads there" if late else ""
        return Result(words or "every standby has it", {"late": list(late)})


VERB: Verb = FollowSwap()
