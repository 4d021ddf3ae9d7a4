"""What a policy says of moving between its two regions: who decides, how traffic moves, who is asked."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from tidegate.policy import rules
from tidegate.policy.admission import Admission
from tidegate.policy.base import Name, Part, PeopleAsked
from tidegate.policy.detour import Detour
from tidegate.policy.problem import enforce
from tidegate.policy.quantities import BasisPoints, Bytes, Seconds


class Decide(Part):
    """When a region counts as lost, and what follows.

    ``every``: how often each vantage point looks. ``probes``: so many failures in a row, each. ``vantage_points``: at
    least so many of them agree. ``then``: what follows: somebody is told (`page`), a failover is prepared and waits for
    people (`approve`), or it is carried out at once where nothing is lost by it (`act`).
    """

    every: Seconds = 0.25
    probes: Annotated[int, Field(ge=1, le=100)] = 3
    vantage_points: Annotated[int, Field(ge=1, le=9)] = 2
    then: Literal["page", "approve", "act"] = "page"


class Failover(Part):
    """How the service moves to its other region, planned (switchover) or not (failover), and home again.

    ``decide``: when a region counts as lost. ``steps``: parts of what the source takes; each goes to the target behind
    gates on the target's health and room. ``approval``: who is asked before a failover of which it is not proved that
    it loses nothing. ``gate_within``: how long a gate waits before it gives up. ``deadline``: after it somebody is
    alerted; nothing is cut off. ``lag``: a switchover waits at its start while the standby is further behind.
    ``instances``: full strength of a slot whose region carries everything; as `capacity.instances` if left out.
    ``ledger``: table -> the column by which its rows are known; parents before children. After a failover that may have
    lost writes, rows of these tables that only the old primary has are kept in the lost-write ledger, and nothing is
    rewound before people have closed it. Without it they are not looked for.
    ``admission``: what becomes of the sessions that the other region has no room for; without it, the part of the
    traffic for which there is none is moved once there is. ``detour``: when one endpoint class that fails in one region
    is answered in the other, alone; without it the guard does not look for that.
    """

    decide: Decide = Decide()
    steps: Annotated[tuple[BasisPoints, ...], Field(min_length=1, max_length=50)] = (5000, 10_000)
    approval: PeopleAsked
    gate_within: Seconds = 300.0
    deadline: Seconds = 1800.0
    lag: Bytes = 16_000_000
    instances: Annotated[int, Field(ge=1, le=1000)] | None = None
    ledger: Annotated[dict[Name, Name], Field(max_length=100)] = {}  # noqa: RUF012  # pydantic copies it

    admission: Admission | None = None
    detour: Detour | None = None

    @model_validator(mode="after")
    def _hangs_together(self) -> Failover:
        enforce(rules.failover(self))
        return self
