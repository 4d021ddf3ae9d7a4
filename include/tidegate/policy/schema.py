"""What an operator may write in a policy: one service, its regions, objectives, drivers and gates.

Every class forbids unknown keys and is frozen. Quantities carry their unit in the text
(:mod:`tidegate.policy.quantities`). What must hold between keys stands in :mod:`tidegate.policy.rules` and
:mod:`tidegate.policy.rules_whole`.
``Policy.model_dump(mode="json", by_alias=True)`` is JSON that validates to the same policy again.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from tidegate.model.traffic import OTHER, Endpoint
from tidegate.policy import rules_whole
from tidegate.policy.backups import Backups
from tidegate.policy.base import EVERYBODY, Identifier, Name, Part, PeopleAsked, Text
from tidegate.policy.break_glass import BreakGlass
from tidegate.policy.check import Check
from tidegate.policy.consistency import Consistency
from tidegate.policy.data import Personal, Repair
from tidegate.policy.dependencies import Dependency
from tidegate.policy.drills import Drills
from tidegate.policy.drivers import Driver, Drivers
from tidegate.policy.failover import Failover
from tidegate.policy.hours import OpenHours, Windows
from tidegate.policy.notices import Notify
from tidegate.policy.people import Owners, Roles
from tidegate.policy.preview_arm import Preview
from tidegate.policy.problem import enforce
from tidegate.policy.promotion import Approval, Bake, Exposure, Promotion, StepEvidence
from tidegate.policy.requires import Requires
from tidegate.policy.residency import Residency
from tidegate.policy.rollback import Rollback, RungHealth
from tidegate.policy.schema_change import Migrations
from tidegate.policy.service import Capacity, EndpointClass, Objectives, Region, Traffic
from tidegate.policy.signals import BusinessSignal, ErrorSignal, LatencySignal, ServiceSignal, Signals
from tidegate.policy.singletons import Singletons
from tidegate.policy.watch import Watch

__all__ = [
    "EVERYBODY",
    "VERSION",
    "Approval",
    "Bake",
    "BusinessSignal",
    "Capacity",
    "Check",
    "Driver",
    "Drivers",
    "EndpointClass",
    "ErrorSignal",
    "Exposure",
    "LatencySignal",
    "Migrations",
    "Notify",
    "Objectives",
    "OpenHours",
    "Owners",
    "PeopleAsked",
    "Policy",
    "Promotion",
    "Region",
    "Roles",
    "Rollback",
    "RungHealth",
    "ServiceSignal",
    "Signals",
    "StepEvidence",
    "Traffic",
    "Watch",
    "Windows",
]

VERSION = 1  # of the format: raised when a policy that was good before would mean something else


class Policy(Part):
    """One service.

    ``version``: of the format in which this is written; 1 if left out. ``service``: its name, of which DAG ids are
    made. ``description``: for people. ``owners``: who answers for what. ``roles``: who may do what to it. ``requires``:
    releases of other services without which it does not work, like ``payments >= 1.1``.
    ``tier``: 1 (users or money are lost at once) to 3 (nobody is woken for it); gives `promotion` its alpha, steps,
    evidence, approvals and bake as far as they are not written, and `tidegate lint` says what it gave.
    ``objectives``: what users are promised. ``regions``: by name, in routing order. ``endpoints``: classes of requests
    by name. ``traffic``: what the service usually sees. ``capacity``: what a slot can carry. ``drivers``: the systems
    it runs on. ``promotion``: the way forward. ``rollback``: the way back. ``failover``: how it moves between two
    regions; left out, it has no switchover, failover or reprotect. ``break_glass``: whose signatures count where there
    is no Airflow. ``preview``: where a release can be shown to those
    who send a header; left out, none can. ``singletons``: jobs of which one at most runs in the whole service, where
    the writer is; the compute driver knows how each is started. ``residency``: where data may lie; anywhere if left
    out. ``consistency``: what users reach beside the router. ``dependencies``: what it calls that is not its own, by
    name. ``watch``: how fast the error budget may burn, and what follows; left out, nobody holds it.
    ``migrations``: how the schema is changed. ``backups``: how old they may be; left out, there are none. ``drills``:
    what is rehearsed, and where; left out, nothing is. ``checks``: of the data, by name. ``repair``: what puts the data
    right, by name. ``notify``: who is told how an operation stands, by name. ``personal``: columns that hold personal
    data; wherever a check or a repair shows a row's key, their values are masked.
    """

    version: Annotated[int, Field(ge=1, le=VERSION)] = 1
    service: Identifier
    description: Text
    owners: Owners
    roles: Roles | None = None
    requires: Requires = ()
    tier: Literal[1, 2, 3] | None = None
    objectives: Objectives
    regions: Annotated[dict[Identifier, Region], Field(min_length=1, max_length=16)]
    endpoints: Annotated[dict[Name, EndpointClass], Field(min_length=1, max_length=32)]
    traffic: Traffic | None = None
    capacity: Capacity
    drivers: Drivers
    promotion: Promotion
    rollback: Rollback
    failover: Failover | None = None
    break_glass: BreakGlass | None = None
    preview: Preview | None = None
    singletons: Singletons | None = None
    residency: Residency | None = None
    consistency: Consistency | None = None
    dependencies: Annotated[dict[Identifier, Dependency], Field(max_length=32)] = {}  # noqa: RUF012
    watch: Watch | None = None
    migrations: Migrations = Migrations()
    backups: Backups | None = None
    drills: Drills | None = None
    checks: Annotated[dict[Name, Check], Field(min_length=1, max_length=200)]
    repair: Annotated[dict[Name, Repair], Field(max_length=50)] = {}  # noqa: RUF012
    notify: Annotated[dict[Name, Notify], Field(max_length=20)] = {}  # noqa: RUF012
    personal: Personal = ()

    @property
    def shares(self) -> dict[str, int]:
        """Region -> basis points of all traffic, in the order written."""
        return {name: region.share for name, region in self.regions.items()}

    @property
    def endpoint_classes(self) -> tuple[Endpoint, ...]:
        return tuple(Endpoint(name, e.methods, e.prefix) for name, e in self.endpoints.items())

    @property
    def judged_endpoints(self) -> tuple[str, ...]:
        """The classes with a name that are judged."""
        return self.promotion.signals.endpoints or tuple(self.endpoints)

    @property
    def judged_classes(self) -> tuple[str, ...]:
        """As :attr:`judged_endpoints`, and `other` where requests of no class can occur and nobody chose."""
        whole = any(not e.methods and e.prefix == "/" for e in self.endpoints.values())
        chosen = bool(self.promotion.signals.endpoints)
        return self.judged_endpoints if whole or chosen else (*self.judged_endpoints, OTHER)

    @model_validator(mode="after")
    def _hangs_together(self) -> Policy:
        enforce(rules_whole.policy(self))
        return self
