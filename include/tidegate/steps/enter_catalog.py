"""The catalog's entry for a promotion: what changed, why, how to revert it, until when."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.journal.model import EventKind
from tidegate.model.binding import release_to_json
from tidegate.steps.contract import Look, Result, StepWorld, Verb
from tidegate.steps.record import Record


class EnterCatalog(Record):
    """The way back is exact: the baseline and digest to go back to, and the command that does it."""

    def describe(self, args: Mapping[str, Any]) -> str:
        return "enter the promotion into the catalog, with the exact way back"

    def verify(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> Result:
        service, before = world.estate.site.service, world.binding.stable
        body = {
            "release": release_to_json(world.release("candidate")),
            "replaces": release_to_json(before),
            "why": world.reason,
            "requested_by": world.requester,
            "way_back": {
                "dag": f"rollback__{service}",
                "params": {"target": before.version},
                "digest": before.digest,
            },
            "reversible_until": _until(world),
        }
        return Result(f"way back: rollback__{service} to {before.version}", body, ((EventKind.CATALOG_ENTERED, body),))


def _until(world: StepWorld) -> str:
    revision = world.release("candidate").contract_revision
    if not revision:
        return "the next schema contract; this release brings none"
    return f"its schema contract {revision}, which `tidegate contract {world.estate.site.service}` runs"


VERB: Verb = EnterCatalog()
