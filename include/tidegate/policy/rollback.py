"""The way back: its rungs, and what users must meet after each."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from tidegate.model.ladder import Rung
from tidegate.policy import rules
from tidegate.policy.base import MANY, Part
from tidegate.policy.problem import enforce
from tidegate.policy.quantities import BasisPoints, Factor, PartOfAll, Seconds


class RungHealth(Part):
    """What users must meet after a rung of the way back, counted anew after its last step, before it counts as the
    last one. Fewer requests, or none that can be seen, are never health.

    ``requests``: at least so many, in each region that the operation has touched. ``not_above``: the upper bound of
    the part that fails. ``confidence``: of that bound. ``within``: time for them to come; after it somebody is asked.
    """

    requests: Annotated[int, Field(ge=1, le=MANY)] = 300
    not_above: PartOfAll = 0.01
    confidence: PartOfAll = 0.95
    within: Seconds = 300.0


class Rollback(Part):
    """How far back, and how: first what hurts least, and no further than health and data ask for.

    ``ladder``: the rungs that may be taken, in this order: flags, traffic, release, schema, everywhere; all that the
    drivers and repairs allow if left out. ``health``: what users must meet before a rung counts as the last one.
    ``steps``: the candidate's weight on its way back. ``fast_lane``: error-budget burn from which it goes to 0 at
    once. ``components``: whether a guilty component goes back alone. ``drain_within``: for requests in flight to end.
    ``capacity_within``: for stable instances to come up.
    ``deadline``: after it somebody is alerted; nothing is cut off.
    """

    ladder: Annotated[tuple[Rung, ...], Field(max_length=5)] = ()
    health: RungHealth = RungHealth()

    steps: Annotated[tuple[BasisPoints, ...], Field(min_length=1, max_length=50)]
    fast_lane: Factor
    components: bool = True
    drain_within: Seconds = 30.0
    capacity_within: Seconds = 600.0
    deadline: Seconds

    @model_validator(mode="after")
    def _hangs_together(self) -> Rollback:
        enforce(rules.rollback(self))
        return self
