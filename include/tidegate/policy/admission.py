"""What a policy says of a failover for which the other region has too little room."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field, StringConstraints

from tidegate.model.admission import LONGEST_RETRY
from tidegate.model.flags import KEY
from tidegate.policy.base import Part
from tidegate.policy.problem import Problem
from tidegate.policy.quantities import BasisPoints, Seconds

if TYPE_CHECKING:
    from tidegate.policy.schema import Policy

FlagKey = Annotated[str, StringConstraints(pattern=KEY)]
AT = ("failover", "admission")


def _whole(seconds: float) -> float:
    """Retry-After is in whole seconds."""
    if seconds != int(seconds) or not 1 <= seconds <= LONGEST_RETRY:
        raise ValueError(f"expected whole seconds, 1s to {LONGEST_RETRY}s")
    return seconds


class Admission(Part):
    """In a failover all traffic goes to the region that is left, at once; of the sessions as many are answered as its
    running instances carry. The others get 503 with Retry-After from the router, and are admitted by stages.

    ``steps``: parts of all sessions; each is admitted once the region has room for it and those before are well.
    ``retry_after``: when the others are asked to come again. ``degrade``: flags that are switched off while not
    everybody is admitted, the least important first; they come back last, one by one, the last of them first.
    """

    steps: Annotated[tuple[BasisPoints, ...], Field(min_length=1, max_length=50)] = (5000, 7500, 10_000)
    retry_after: Annotated[Seconds, AfterValidator(_whole)] = 5.0
    degrade: Annotated[tuple[FlagKey, ...], Field(max_length=20)] = ()


def admission_of(policy: Policy) -> Iterator[Problem]:
    """What must hold between ``failover.admission`` and the rest of a policy. Pure."""
    part = policy.failover.admission if policy.failover else None
    if part is None:
        return
    if part.degrade and policy.drivers.flags is None:
        hint = "name a driver under drivers.flags, or leave degrade out"
        yield Problem("switching flags off needs drivers.flags", (*AT, "degrade"), hint, key=True)
    for number, key in enumerate(part.degrade):
        if key in part.degrade[:number]:
            yield Problem(f"{key!r} stands twice", (*AT, "degrade", number))
