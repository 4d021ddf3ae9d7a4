"""The way forward: steps, what their gates ask for, people, the time of trial, and flags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from tidegate.policy import rules
from tidegate.policy.base import MANY, Identifier, Name, Part, Person, listed
from tidegate.policy.hours import Windows
from tidegate.policy.problem import enforce
from tidegate.policy.quantities import BasisPoints, PartOfAll, Seconds, SecondsOrZero, parse_percent
from tidegate.policy.signals import Signals


class StepEvidence(Part):
    """What the gate behind one step of weight asks for before it opens, besides no signal failing.

    ``requests``: to the candidate, since its first in this operation. ``sessions``: of the candidate, since then.
    ``per_endpoint``: as ``requests``, in each judged endpoint class. ``not_worse_by``: the upper bound of the
    candidate's error proportion less the stable's must lie below it, in each judged class. ``confidence``: of that
    bound. ``endpoints``: the classes of which the latter two are asked, all judged ones if left out: a class that is
    rarely used would keep the gate waiting, and is judged all the same.
    """

    requests: Annotated[int, Field(ge=1, le=MANY)] = 1
    sessions: Annotated[int, Field(ge=0, le=MANY)] = 0
    per_endpoint: Annotated[int, Field(ge=0, le=MANY)] = 0
    not_worse_by: PartOfAll | None = None
    confidence: PartOfAll = 0.95
    endpoints: Annotated[tuple[Name, ...], BeforeValidator(listed), Field(max_length=32)] = ()


class Approval(Part):
    """People who say yes before the first region's candidate goes to a weight; a time-out is a no.

    ``before``: the step that waits for it. ``from``: who may say yes; never the requester. ``quorum``: how many of
    them. ``within``: time to answer. ``each_region``: ask in every region, not only in the first.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    before: BasisPoints
    people: Annotated[tuple[Person, ...], Field(alias="from", min_length=1, max_length=100)]
    quorum: Annotated[int, Field(ge=1, le=5)] = 1
    within: Seconds
    each_region: bool = False


class Bake(Part):
    """At full weight in every region, before the release becomes a baseline.

    ``lasts``: at least so long. ``requests``: at least so many requests to the candidate. ``then_watch``: so long after
    the promotion the guard goes on judging it at full traffic, and asks for a rollback if it fails.
    """

    lasts: Seconds
    requests: Annotated[int, Field(ge=1, le=MANY)]
    then_watch: Seconds | None = None


def _by_weight(value: Any) -> Any:
    """``{"5%": …}`` as it is, once no two keys mean the same weight. Raises ValueError naming both."""
    seen: dict[int, str] = {}
    for key in value if isinstance(value, Mapping) else ():
        weight = key if isinstance(key, int) else parse_percent(key)
        if weight in seen:
            raise ValueError(f"{seen[weight]!r} and {key!r} are the same weight")
        seen[weight] = key
    return value


class Exposure(Part):
    """How customers are shown what is behind a release's flags, once it runs everywhere and is certified. The same
    customers see it at each step; the last go back first. Half of `alpha` is for judging this.

    ``steps``: parts of the customers. ``evidence``: by step, what its gate asks for, in each region, of those who see
    it, since the first of them. ``gate_within``: how long a gate waits for that; as the promotion's if left out.
    """

    steps: Annotated[tuple[BasisPoints, ...], Field(min_length=1, max_length=50)] = (500, 5000, 10_000)
    evidence: Annotated[dict[BasisPoints, StepEvidence], Field(max_length=100), BeforeValidator(_by_weight)]
    gate_within: Seconds | None = None

    @model_validator(mode="after")
    def _hangs_together(self) -> Exposure:
        enforce(rules.exposure(self))
        return self


class Promotion(Part):
    """How a release gets from nothing to all of the traffic.

    ``waves``: every region once, in order. ``steps``: the candidate's weight in the first region. ``later_steps``: in
    the regions after it, where the evidence of the first counts; as ``steps`` if left out. ``alpha``: false-alarm rate
    per release, split over the signals, at most 20%. ``warm_up``: what comes earlier after the first shift is not
    judged. ``stale_after``: measurements older than this are no data. ``signals``: what is judged. ``evidence``: by
    step, what its gate asks for. ``gate_within``: how long a gate waits for that before it gives up. ``approvals``:
    people to ask. ``bake``: the time of trial at the end. ``exposure``: how what is behind flags is shown after that;
    left out, flags stay as they are. ``deadline``: after it somebody is alerted; nothing is cut off. ``windows``: when
    promotions may begin, at any time if left out. ``fast_track_within``: how long after it was certified a baseline may
    be promoted again without the canary steps; never if left out.
    """

    waves: Annotated[tuple[Identifier, ...], Field(min_length=1, max_length=16)]
    steps: Annotated[tuple[BasisPoints, ...], Field(min_length=1, max_length=50)]
    later_steps: Annotated[tuple[BasisPoints, ...], Field(max_length=50)] = ()
    alpha: PartOfAll
    warm_up: SecondsOrZero = 2.0
    stale_after: Seconds = 5.0
    signals: Signals = Signals()
    evidence: Annotated[dict[BasisPoints, StepEvidence], Field(max_length=100), BeforeValidator(_by_weight)]
    gate_within: Seconds = 1800.0
    approvals: Annotated[tuple[Approval, ...], Field(max_length=50)] = ()
    bake: Bake
    exposure: Exposure | None = None
    deadline: Seconds
    windows: Windows | None = None
    fast_track_within: Seconds | None = None

    @model_validator(mode="after")
    def _hangs_together(self) -> Promotion:
        enforce(rules.promotion(self))
        return self
