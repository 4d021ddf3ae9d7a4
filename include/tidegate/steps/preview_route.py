"""What the steps on a preview's route share."""

from __future__ import annotations

from tidegate.drivers.traffic.contract import PreviewingTraffic
from tidegate.errors import Refused
from tidegate.model.topology import Arm
from tidegate.steps.contract import StepWorld

SETTLE_WITHIN = 10.0  # seconds for the router to report it


def previewing(world: StepWorld) -> PreviewingTraffic:
    """The router, if it can show a preview. Raises :class:`Refused`."""
    traffic = world.estate.traffic
    if not isinstance(traffic, PreviewingTraffic):
        raise Refused(
            "this policy's traffic driver cannot lead a header to a preview",
            next_step="use one that can (envoy), or leave preview out of the policy",
        )
    return traffic


def refuse_shown(arm: Arm, world: StepWorld) -> None:
    """Raises :class:`Refused` while a header still leads to ``arm``."""
    route = previewing(world).observe_preview().route
    if route is not None and route.arm == arm:
        raise Refused(f"{route.header}: {route.value} still leads to {arm}", next_step="take the route away first")
