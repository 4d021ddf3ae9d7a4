"""The point of no return: run the contract, and note that the way back to older baselines is closed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.errors import NotSettled
from tidegate.journal.model import EventKind
from tidegate.steps.admit_contract import ADMIT_NODE
from tidegate.steps.contract import Look, Result, Standing, StepWorld, Verb
from tidegate.steps.schema_range import driver


class ContractSchema:
    """Done when the live primary says that it is at the contract's revision; the window's end stands in the journal in
    the same row as that. ``args``: ``lock_timeout`` in seconds."""

    def describe(self, args: Mapping[str, Any]) -> str:
        return (
            "run the stable release's schema contract. POINT OF NO RETURN: from then on no rollback goes to a baseline "
            "from before it, only forward"
        )

    def check(self, args: Mapping[str, Any], world: StepWorld) -> Look:
        asked, at = world.known.facts[ADMIT_NODE], driver(world).observe().revision
        if at == asked["to"]:
            return Look(Standing.DONE, f"the schema is at {at}")
        if at != asked["from"]:
            detail = f"the schema was at {asked['from']} when people were asked, and is at {at} now"
            return Look(Standing.FOREIGN_CHANGE, detail)
        return Look(Standing.NOT_DONE, f"the schema is at {at}, to be at {asked['to']}")

    def apply(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> None:
        files = world.estate.artifacts.fetch(world.binding.stable)
        target = world.known.facts[ADMIT_NODE]["to"]
        driver(world).migrate(files, target, world.token, float(args["lock_timeout"]))

    def verify(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> Result:
        asked, at = world.known.facts[ADMIT_NODE], driver(world).observe().revision
        if at != asked["to"]:
            raise NotSettled(f"the schema is at {at}, not at {asked['to']}", next_step="retry: it looks first")
        body = {"revision": at, **{name: asked[name] for name in ("from", "release", "closes", "closes_versions")}}
        closed = ", ".join(asked["closes_versions"]) or "no baseline"
        return Result(f"contracted to {at}: closed is the way back to {closed}", body, (
            (EventKind.CONTRACT_COMPLETED, body),
        ))  # fmt: skip


VERB: Verb = ContractSchema()
