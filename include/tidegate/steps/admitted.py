"""What the verbs and gates of a staged admission share: how many of the sessions a region's instances carry."""

from __future__ import annotations

from dataclasses import dataclass

from tidegate.drivers.traffic.contract import AdmittingTraffic
from tidegate.errors import EffectError
from tidegate.model.admission import EVERYBODY, Admission
from tidegate.model.traffic import TOTAL
from tidegate.steps.contract import StepWorld
from tidegate.steps.region_room import room_of

COUNTED_AFTER = 6.0  # seconds after a change until what is counted is of after it: the guard counts over five
WENT_ON_BLIND = "admission went on blind"
NOT_HELD_BACK = "nobody could be held back"


@dataclass(frozen=True)
class Carried:
    """``sessions``: basis points of all of them that the region's instances carry, 1 at least while one is healthy.
    ``demand``: requests per second of everybody, those who are turned away included. ``carries``: requests per second,
    declared."""

    region: str
    sessions: int
    demand: float
    carries: float
    healthy: int


def carried(world: StepWorld, region: str) -> Carried | None:
    """Measured now; None where it is not to be told.

    What is turned away does not come as often as what is served, so everybody's demand is that of the admitted, scaled
    by their part of the sessions.
    """
    try:
        admission = world.estate.traffic.observe().admission
        row = room_of(world, region)
    except EffectError:
        return None
    if not row.healthy or not admission.admitted:
        return None
    if row.demand <= 0 and admission != EVERYBODY:
        return None
    demand = row.demand * TOTAL / admission.admitted
    sessions = TOTAL if demand <= row.carries else max(1, int(row.carries / demand * TOTAL))
    return Carried(region, sessions, demand, row.carries, row.healthy)


def admitting_router(world: StepWorld) -> AdmittingTraffic | None:
    """None where the router cannot turn anybody away."""
    traffic = world.estate.traffic
    return traffic if isinstance(traffic, AdmittingTraffic) else None


def noted(what: str, why: str) -> dict[str, str]:
    """The body of a note."""
    return {"what": what, "why": why}


def in_words(found: Carried | None, admission: Admission) -> str:
    if found is None:
        return f"{admission.words}; NOT KNOWN what the region carries"
    return f"{admission.words} ({found.healthy} instances carry {found.carries:g}/s of {found.demand:.0f}/s)"
