"""What a service is and has: what users are promised, its regions, endpoints, traffic and capacity."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from tidegate.policy.base import Name, Part
from tidegate.policy.quantities import BasisPoints, BasisPointsAboveNone, PartOfAll, Rate, Seconds, SecondsOrZero

Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


class Objectives(Part):
    """What users are promised.

    ``availability``: part of the requests answered without a 5xx. ``latency_p99``: time within which 99% of them are.
    ``window``: time over which the error budget is kept, like 28d: once it is spent, no promotion begins; none is kept
    if left out. ``rto``: time from the loss of a region until the service takes writes again. ``rpo``: age of the
    newest write that may be lost with a region; 0s: none.
    """

    availability: PartOfAll
    latency_p99: Seconds
    window: Seconds | None = None
    rto: Seconds | None = None
    rpo: SecondsOrZero | None = None


class Region(Part):
    """A place that serves traffic.

    ``share``: its part of all traffic while no region is lost. ``database``: its role in fair weather.
    """

    share: BasisPoints
    database: Literal["primary", "standby"]


class EndpointClass(Part):
    """A class of requests judged on its own; the first that matches wins, in the order written.

    ``methods``: HTTP methods, all if left out. ``prefix``: how the path begins. ``component``: the component of the
    release that answers it; if nothing fails but its endpoints, it goes back alone.
    """

    methods: Annotated[tuple[Method, ...], Field(max_length=7)] = ()
    prefix: Annotated[str, StringConstraints(pattern=r"^/[A-Za-z0-9/_.~-]{0,200}$")] = "/"
    component: Name | None = None


class Traffic(Part):
    """What the service usually sees: the ground on which ``lint`` foretells how long a gate waits and what it sees.

    ``rate``: requests per second, all regions. ``sessions``: live at once. ``session_length``: mean. ``errors``: part
    of the requests that fail in good times. ``mix``: part of the requests by endpoint class, 100% in all.
    """

    rate: Rate
    sessions: Annotated[int, Field(ge=1, le=10_000_000)]
    session_length: Seconds
    errors: PartOfAll
    mix: Annotated[dict[Name, BasisPoints], Field(max_length=33)]


class Capacity(Part):
    """What a slot can carry.

    ``per_instance``: declared limit of one instance. ``instances``: full strength of a slot. ``keep_warm``: part of
    them that the old slot keeps after a promotion is certified.
    """

    per_instance: Rate
    instances: Annotated[int, Field(ge=1, le=1000)]
    keep_warm: BasisPointsAboveNone = 10_000
