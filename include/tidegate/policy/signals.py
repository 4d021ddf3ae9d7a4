"""What is measured on the candidate and judged."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tidegate.policy.base import Name, Part, Text
from tidegate.policy.quantities import Factor, PartOfAll, Seconds


class ErrorSignal(Part):
    """Errors of the candidate against the stable arm's.

    ``margin``: the candidate may have up to so many times the stable arm's odds of an error.
    """

    margin: Factor = 1.0


class LatencySignal(Part):
    """Latency of the candidate against the stable arm's, rank by rank.

    ``margin``: the candidate's latency is divided by it before it is ranked among the stable arm's.
    """

    margin: Factor = 1.0


class ServiceSignal(Part):
    """Both arms together against the objectives, while an operation is in flight: a release can break what both share.
    No comparison can blame it then, and the cause is not proved.

    ``margin``: the error budget may burn up to so many times as fast as promised. ``then``: what follows: the operation
    goes `back`, or stands still and asks (`hold`).
    """

    margin: Factor = 1.0
    then: Literal["back", "hold"] = "back"


class BusinessSignal(Part):
    """What a session of the candidate's brings, against the stable arm's: successes of an endpoint class per session.

    ``name``: in words. ``endpoint``: the class whose successes count. ``margin``: the candidate's sessions may bring
    that part of what the stable arm's do. ``within``: what a session brings in so much time after its first request.
    """

    name: Text = "orders per session"
    endpoint: Name
    margin: PartOfAll = 0.9
    within: Seconds = 60.0


class Signals(Part):
    """What is measured on candidate and stable arms, per region and endpoint class.

    ``errors``: always judged. ``latency``: judged if given. ``service``: judged if given: both arms together.
    ``business``: judged if given: what a session brings. ``endpoints``: those that are judged; all if left out, and
    requests of no class as `other`.
    """

    errors: ErrorSignal = ErrorSignal()
    latency: LatencySignal | None = None
    service: ServiceSignal | None = None
    business: BusinessSignal | None = None
    endpoints: Annotated[tuple[Name, ...], Field(max_length=32)] = ()
