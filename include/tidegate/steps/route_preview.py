"""Lead those who send the header to the preview, and nobody else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.journal.model import EventKind
from tidegate.model.binding import release_to_json
from tidegate.model.preview_arm import PreviewRoute
from tidegate.steps.contract import Look, Result, Standing, StepWorld, Verb
from tidegate.steps.preview_route import SETTLE_WITHIN, previewing


class RoutePreview:
    """The header's value is the release's version, exactly."""

    def describe(self, args: Mapping[str, Any]) -> str:
        return f"requests with {args['header']}: <version> go to the preview, no others do"

    def check(self, args: Mapping[str, Any], world: StepWorld) -> Look:
        seen, wanted = previewing(world).observe_preview().route, _wanted(args, world)
        if seen == wanted:
            return Look(Standing.DONE, f"the router has {seen}")
        if seen is not None:
            return Look(Standing.FOREIGN_CHANGE, f"the router shows {seen}, which nobody has recorded")
        return Look(Standing.NOT_DONE, "the router shows no preview")

    def apply(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> None:
        previewing(world).apply_preview(_wanted(args, world), world.token)

    def verify(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> Result:
        traffic, wanted = previewing(world), _wanted(args, world)
        world.wait(
            lambda: traffic.observe_preview().route == wanted, within=SETTLE_WITHIN, what=f"a route for {wanted}"
        )
        shown = {"header": wanted.header, "region": wanted.arm.region}
        body = {"release": release_to_json(world.release("preview")), **shown}
        return Result(f"the router has {wanted}", {"preview": str(wanted)}, ((EventKind.PREVIEW_OPENED, body),))


def _wanted(args: Mapping[str, Any], world: StepWorld) -> PreviewRoute:
    return PreviewRoute(args["header"], world.release("preview").version, world.binding.arm("preview", "preview"))


VERB: Verb = RoutePreview()
