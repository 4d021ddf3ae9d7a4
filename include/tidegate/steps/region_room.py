"""How much of all traffic a region's running instances can carry, measured."""

from __future__ import annotations

from dataclasses import dataclass

from tidegate.errors import EffectError
from tidegate.model.traffic import TOTAL
from tidegate.steps.contract import StepWorld
from tidegate.steps.stable_capacity import measured_demand

SEEN_WITHIN, LAST_WITHIN, LOOK_EVERY = 15.0, 3.0, 0.1  # seconds


@dataclass(frozen=True)
class Room:
    """``demand``: requests per second to the whole service. ``carries``: what the region's healthy stable instances
    are declared to carry. ``healthy``: how many those are."""

    region: str
    demand: float
    carries: float
    healthy: int


def room_of(world: StepWorld, region: str) -> Room:
    """Demand is what a live guard counts; without one it is counted over two seconds. Raises as metrics drivers do."""
    demand = sum(measured_demand(world).values())
    healthy = world.estate.metrics.counters().healthy.get(world.binding.arm(region, "stable"), 0)
    return Room(region, demand, healthy * float(world.settings["capacity"]["per_instance"]), healthy)


def room_for(row: Room) -> int:
    """The largest share of all traffic, in basis points, that stays within the declared limit; rounded down."""
    if not row.healthy:
        return 0
    return TOTAL if row.demand <= row.carries else int(row.carries / row.demand * TOTAL)


def await_seen(world: StepWorld, region: str) -> None:
    """Wait until the router sees every instance healthy that the region's control says runs the stable release.

    Instances that had no database for a while are well again a moment after it takes writes, and the router learns of
    it at its next look: whoever measures the room in between finds none. The last of them holds nobody up for more than
    :data:`LAST_WITHIN` seconds, for users wait; the first for :data:`SEEN_WITHIN`, and not where nobody can say: then
    whoever asked goes by what there is.
    """
    arm, began = world.binding.arm(region, "stable"), world.clock.now()
    try:
        running = len(world.estate.compute.observe(arm).instances)
        while (seen := world.estate.metrics.counters().healthy.get(arm, 0)) < running:
            if world.clock.now() >= began + (LAST_WITHIN if seen else SEEN_WITHIN):
                return
            world.clock.sleep(LOOK_EVERY)
    except EffectError:
        return
