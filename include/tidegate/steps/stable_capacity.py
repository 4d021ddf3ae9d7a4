"""What the stable arm of a region can carry now, measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tidegate.errors import NotYet
from tidegate.model.capacity import lowest_safe_weight
from tidegate.steps.contract import StepWorld

WINDOW = 2.0  # seconds over which demand is measured where nobody has measured it


@dataclass(frozen=True)
class RegionCapacity:
    """``demand``: requests per second to the region; ``healthy``: stable instances healthy at the edge.
    ``lowest_safe``: 0 as well where no arm of the region has a healthy instance: nothing is left to be overrun."""

    region: str
    demand: float
    healthy: int
    lowest_safe: int


def measure(world: StepWorld) -> dict[str, RegionCapacity]:
    """Region -> capacity. Demand is what a live guard counts; without one it is counted over two seconds."""
    demand = measured_demand(world)
    healthy = world.estate.metrics.counters().healthy
    limit = float(world.settings["capacity"]["per_instance"])
    rows: dict[str, RegionCapacity] = {}
    for region in world.shares:
        able = healthy.get(world.binding.arm(region, "stable"), 0)
        dead = not able and not healthy.get(world.binding.arm(region, "candidate"), 0)
        lowest = 0 if dead else lowest_safe_weight(demand[region], able, limit)
        rows[region] = RegionCapacity(region, demand[region], able, lowest)
    return rows


def measured_demand(world: StepWorld) -> Mapping[str, float]:
    """Requests per second by region."""
    return world.known.demand if world.known.demand is not None else _count_demand(world)


def _count_demand(world: StepWorld) -> dict[str, float]:
    before = world.estate.metrics.counters()
    world.clock.sleep(WINDOW)
    after = world.estate.metrics.counters()
    seconds = after.read_at - before.read_at
    if seconds <= 0:
        raise NotYet("the edge's counters stand still: demand cannot be measured", next_step="retry this task")
    demand = dict.fromkeys(world.shares, 0.0)
    for arm, total in after.requests.items():
        if arm.region in demand:
            demand[arm.region] += max(0, total - before.requests.get(arm, 0)) / seconds
    return demand
