"""Take the header's route away: who sends it is served as all are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.journal.model import EventKind
from tidegate.steps.contract import Look, Result, Standing, StepWorld, Verb
from tidegate.steps.preview_route import SETTLE_WITHIN, previewing


class UnroutePreview:
    """Whatever preview is shown goes. The split is not touched. Where an opening may still be on its way the absence
    is written too, so that the router refuses what comes late."""

    def describe(self, args: Mapping[str, Any]) -> str:
        return "no header leads to a preview any more; the split stays as it is"

    def check(self, args: Mapping[str, Any], world: StepWorld) -> Look:
        state = previewing(world).observe_preview()
        if state.route is None and state.epoch >= world.known.fence:
            return Look(Standing.DONE, "the router shows no preview")
        return Look(Standing.NOT_DONE, f"the router shows {state.route or 'no preview yet'}")

    def apply(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> None:
        previewing(world).apply_preview(None, world.token)

    def verify(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> Result:
        traffic = previewing(world)
        world.wait(lambda: traffic.observe_preview().route is None, within=SETTLE_WITHIN, what="no route to a preview")
        body = {"version": world.binding.candidate_version, "why": world.reason}
        return Result("the router shows no preview", {}, ((EventKind.PREVIEW_WITHDRAWN, body),))


VERB: Verb = UnroutePreview()
