"""The database that took writes before follows the one that does now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.errors import Refused
from tidegate.steps.contract import Look, Result, Standing, StepWorld, Verb

FOLLOWS_WITHIN = 120.0  # seconds


class ReprotectDatabase:
    """Rewound where it can be, else built anew. What it alone had is gone afterwards."""

    def describe(self, args: Mapping[str, Any]) -> str:
        return (
            f"the {args['region']}'s database becomes a standby of the one that takes writes (rewound, or built anew)"
        )

    def check(self, args: Mapping[str, Any], world: StepWorld) -> Look:
        state = world.estate.database.observe()[world.binding.region(args["region"])]
        follows = state.role == "standby" and bool(state.streaming)
        if not follows:
            _nothing_is_destroyed(world)
        why = "follows" if follows else state.why or "does not follow"
        return Look(Standing.DONE if follows else Standing.NOT_DONE, f"{state.region} is {state.role}: {why}")

    def apply(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> None:
        world.estate.database.reprotect(world.binding.region(args["region"]), world.token)

    def verify(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> Result:
        region, database = world.binding.region(args["region"]), world.estate.database

        def follows() -> bool:
            state = database.observe()[region]
            return state.role == "standby" and bool(state.streaming)

        world.wait(follows, within=FOLLOWS_WITHIN, what=f"{region} follows")
        return Result(f"{region} follows today's primary", {"standby": region})


def _nothing_is_destroyed(world: StepWorld) -> None:
    """Raises :class:`Refused` while this database is all that has what was lost, or nobody has said what becomes of
    it. Plans of policies that keep no ledger, and those from before there were any, ask for none."""
    ledger = world.known.ledger
    if ledger is None or ledger.settled or not world.settings["failover"].get("ledger"):
        return
    service = world.estate.site.service
    raise Refused(
        f"{ledger.region} is not rewound: {ledger.words}",
        next_step=f"tidegate ledger show {service}; close each entry; then tidegate resume {service}",
    )


VERB: Verb = ReprotectDatabase()
