"""One request as the judge sees it: checked, attributed, and with the odds at which it was routed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

from tidegate.judge.settings import JudgeSettings
from tidegate.model.observation import Observation
from tidegate.model.topology import Arm, Slot
from tidegate.model.traffic import Split


class Malformed(ValueError):
    """An observation that makes no sense. It is counted and never guessed at."""


@dataclass(frozen=True)
class Seen:
    """``weight``: the candidate's part of the region's traffic when *this* request was routed; with 0 < weight < 1 the
    request says something about candidate against stable. ``ended``: epoch seconds at which the answer was complete.
    ``failed``: answered with 5xx, or not answered at all (status 0). ``succeeded``: answered with 2xx or 3xx."""

    started: float
    ended: float
    region: str
    endpoint: str
    candidate: bool
    weight: float
    failed: bool
    milliseconds: float
    session: str | None
    succeeded: bool = True

    @property
    def comparable(self) -> bool:
        return 0 < self.weight < 1

    @property
    def role(self) -> str:
        return "candidate" if self.candidate else "stable"


def see(observation: Observation, arm: Arm, settings: JudgeSettings) -> Seen:
    """Check and attribute. Raises :class:`Malformed` with what is wrong."""
    _check(observation, arm, settings)
    return Seen(
        started=float(observation.at),
        ended=observation.at + observation.milliseconds / 1000,
        region=arm.region,
        endpoint=observation.endpoint,
        candidate=arm.slot is not settings.stable_slot,
        weight=weight_of(observation.split, arm.region, settings.stable_slot.other),
        failed=observation.failed,
        milliseconds=float(observation.milliseconds),
        session=observation.session or None,
        succeeded=200 <= observation.status < 400,
    )


@lru_cache(maxsize=1024)
def weight_of(split: Split, region: str, slot: Slot) -> float:
    """The part of the region's own traffic that goes to its ``slot``."""
    return float(split.within_region(Arm(region, slot)))


def _check(observation: Observation, arm: Arm, settings: JudgeSettings) -> None:
    if not is_number(observation.at) or observation.at <= 0:
        raise Malformed(f"start time {observation.at!r}")
    if not is_number(observation.milliseconds) or observation.milliseconds < 0:
        raise Malformed(f"duration {observation.milliseconds!r} ms")
    if type(observation.status) is not int or not (observation.status == 0 or 100 <= observation.status <= 599):
        raise Malformed(f"status {observation.status!r}")
    if not (isinstance(observation.endpoint, str) and isinstance(observation.session, str | None)):
        raise Malformed(f"endpoint {observation.endpoint!r}, session {observation.session!r}")
    if arm.region not in settings.regions:
        raise Malformed(f"region {arm.region!r} is not one of {settings.regions}")
    if not weight_of(observation.split, arm.region, arm.slot):
        raise Malformed(f"{arm} answered, though its weight was 0 in {observation.split}")


def is_number(value: object) -> bool:
    """A finite int or float; a bool is none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
