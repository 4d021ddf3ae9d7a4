"""What every traffic driver refuses, whatever the router."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from tidegate.drivers.traffic.contract import RouteState
from tidegate.errors import Refused
from tidegate.model.detour import Detour, detoured
from tidegate.model.preview_arm import PreviewRoute
from tidegate.model.topology import Arm
from tidegate.model.traffic import OTHER, Endpoint, Split


def refuse_dead_arms(desired: Split, current: Split | None, healthy: Collection[Arm]) -> None:
    """Never route to nothing. ``healthy``: arms with a healthy target. Raises :class:`Refused` if an arm without one
    would take *more* than now, or if none that takes traffic has one.

    An arm that is dead already and keeps its weight is no reason: a stop-loss in one region must not wait for another.
    Nor is a region that is dead as a whole and takes no more than now: what moves inside it is lost either way, and
    once it comes back its users must not meet the release that was taken from it.
    """
    rising = (arm for arm, weight in desired.weights if weight > (current[arm] if current else 0))
    alive = {arm.region for arm in healthy}
    dead = [
        arm.name
        for arm in rising
        if arm not in healthy and (arm.region in alive or not current or _grows(arm.region, desired, current))
    ]
    if dead:
        raise Refused(f"no healthy target in {', '.join(dead)}", next_step="start its instances, or weigh another arm")
    if not any(weight and arm in healthy for arm, weight in desired.weights):
        raise Refused(f"no arm of {desired} has a healthy target", next_step="start instances in one of them")


def refuse_alone(routed: RouteState) -> Split:
    """A preview, a halt of writes and a detour stand beside a split. Raises :class:`Refused` if there is none."""
    if routed.split is None:
        raise Refused("the router has no split of ours yet, so there is nothing to stand beside")
    return routed.split


def refuse_dead_preview(route: PreviewRoute | None, healthy: Collection[Arm]) -> None:
    """Nobody is told of a preview that answers nothing. Raises :class:`Refused`."""
    if route is not None and route.arm not in healthy:
        raise Refused(f"no healthy target in {route.arm}", next_step="start its instances; nothing was routed to it")


def refuse_unfit_detours(
    detours: Iterable[Detour], split: Split, endpoints: Iterable[Endpoint], healthy: Collection[Arm]
) -> None:
    """Nobody is sent to a region that has nobody to answer. Raises :class:`Refused`."""
    known = {*(endpoint.name for endpoint in endpoints), OTHER}
    for one in detours:
        if one.endpoint not in known:
            raise Refused(f"the router knows no endpoint class {one.endpoint!r}", next_step="name one of the policy")
        if not split.region_share(one.to):
            raise Refused(f"{one.to} takes no traffic, so no class of it can go there", next_step="move the service")
        if not any(weight and arm in healthy for arm, weight in detoured(split, one.to).weights):
            raise Refused(f"no healthy target in {one.to}", next_step="start its instances; nothing was routed to it")


def _grows(region: str, desired: Split, current: Split) -> bool:
    return desired.region_share(region) > current.region_share(region)
