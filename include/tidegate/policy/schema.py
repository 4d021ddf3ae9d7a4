"""What an operator may write in a policy: one service, its regions, objectives, drivers and gates.

Every class forbids unknown keys and is frozen. Quantities carry their unit in the text
(:mod:`tidegate.policy.quantities`). What must hold between keys stands in :mod:`tidegate.policy.rules`.
``Policy.model_dump(mode="json", by_alias=True)`` is JSON that validates to the same policy again.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)

from tidegate.checks.model import Severity
from tidegate.judge.settings import OTHER
from tidegate.model.ladder import Rung
from tidegate.model.roles import Action, Role, roles_that_may
from tidegate.model.traffic import Endpoint
from tidegate.policy import rules
from tidegate.policy.backups import Backups
from tidegate.policy.base import PERSON, Identifier, Name, Part, Person, Sql, Text
from tidegate.policy.base import PeopleAsked as PeopleAsked
from tidegate.policy.break_glass import BreakGlass
from tidegate.policy.consistency import Consistency
from tidegate.policy.data import Follows, Personal, Repair, SameOnStandby, Unchanged
from tidegate.policy.dependencies import Dependency
from tidegate.policy.failover import Failover
from tidegate.policy.preview_arm import Preview
from tidegate.policy.quantities import (
    BasisPoints,
    BasisPointsAboveNone,
    Factor,
    PartOfAll,
    Rate,
    Seconds,
    SecondsOrZero,
    parse_percent,
)
from tidegate.policy.residency import Residency
from tidegate.policy.singletons import Singletons

EVERYBODY = "*"  # in a role: whoever is let in by Airflow
_MANY = 1_000_000_000
VERSION = 1  # of the format: raised when a policy that was good before would mean something else
HOURS = r"^([01]\d|2[0-3]):[0-5]\d-(([01]\d|2[0-3]):[0-5]\d|24:00)$"
DATES = r"^\d{4}-\d{2}-\d{2}(\.\.\d{4}-\d{2}-\d{2})?$"
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


class Owners(Part):
    """Who answers for what: a team or a person, as your organisation names them.

    ``release``: for promotions. ``rollback``: for the way back. ``failover``: for moving to another region.
    ``dashboard``: for what is watched.
    """

    release: Text
    rollback: Text
    failover: Text
    dashboard: Text


def _listed(value: Any) -> Any:
    """``"*"`` as a list of one. Lists become tuples, which strict validation wants once Python has touched them."""
    return (value,) if value == EVERYBODY else tuple(value) if isinstance(value, list) else value


_PEOPLE_SCHEMA = {
    "anyOf": [
        {"const": EVERYBODY},
        {"type": "array", "items": {"type": "string", "pattern": PERSON}, "maxItems": 200},
    ],
    "examples": ["[ann, ben]", '"*"'],
}
OneOrAll = Annotated[str, StringConstraints(pattern=rf"^\*$|{PERSON}")]
People = Annotated[
    tuple[OneOrAll, ...], BeforeValidator(_listed), Field(max_length=200), WithJsonSchema(_PEOPLE_SCHEMA)
]


class Roles(Part):
    """Who may act on this service, of those whom Airflow lets: user names, or `"*"` for all of them. A role that is
    left out is nobody's; without the whole key all is left to Airflow.

    ``viewer``: looks. ``operator``: begins promotions and rollbacks, pauses, resumes, aborts, puts brakes
    on, breaks glass. ``approver``: says yes to others' requests. ``platform``: as operator, and adopts what runs today.
    ``auditor``: exports the journal.
    """

    viewer: People = ()
    operator: People = ()
    approver: People = ()
    platform: People = ()
    auditor: People = ()

    def people(self, role: Role) -> tuple[str, ...]:
        """Who has the role, as written."""
        found: tuple[str, ...] = getattr(self, role.value)
        return found

    def who_may(self, action: Action) -> frozenset[str]:
        """Everybody, by name, whose role may do it."""
        return frozenset(person for role in roles_that_may(action) for person in self.people(role))


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


class StepEvidence(Part):
    """What the gate behind one step of weight asks for before it opens, besides no signal failing.

    ``requests``: to the candidate, since its first in this operation. ``sessions``: of the candidate, since then.
    ``per_endpoint``: as ``requests``, in each judged endpoint class. ``not_worse_by``: the upper bound of the
    candidate's error proportion less the stable's must lie below it, in each judged class. ``confidence``: of that
    bound. ``endpoints``: the classes of which the latter two are asked, all judged ones if left out: a class that is
    rarely used would keep the gate waiting, and is judged all the same.
    """

    requests: Annotated[int, Field(ge=1, le=_MANY)] = 1
    sessions: Annotated[int, Field(ge=0, le=_MANY)] = 0
    per_endpoint: Annotated[int, Field(ge=0, le=_MANY)] = 0
    not_worse_by: PartOfAll | None = None
    confidence: PartOfAll = 0.95
    endpoints: Annotated[tuple[Name, ...], BeforeValidator(_listed), Field(max_length=32)] = ()


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
    requests: Annotated[int, Field(ge=1, le=_MANY)]
    then_watch: Seconds | None = None


class OpenHours(Part):
    """One regular window.

    ``days``: of the week. ``hours``: from and to in local time, like 09:00-16:30; 24:00 is the end of the day.
    """

    days: Annotated[tuple[Day, ...], Field(min_length=1, max_length=7)]
    hours: Annotated[str, StringConstraints(pattern=HOURS)]

    @property
    def minutes(self) -> tuple[int, int]:
        """From and to, in minutes after midnight."""
        begin, end = (int(text[:2]) * 60 + int(text[3:]) for text in self.hours.split("-"))
        return begin, end


class Windows(Part):
    """When promotions may begin. One that has begun is let finish; rollbacks begin at any time.

    ``zone``: an IANA time zone, like Europe/Berlin. ``open``: the regular windows. ``blackout``: days on which none is
    open, each a date or a span of dates, like 2026-12-20..2027-01-06.
    """

    zone: Text
    open: Annotated[tuple[OpenHours, ...], Field(min_length=1, max_length=50)]
    blackout: Annotated[tuple[Annotated[str, StringConstraints(pattern=DATES)], ...], Field(max_length=200)] = ()

    @model_validator(mode="after")
    def _hangs_together(self) -> Windows:
        rules.enforce(rules.windows(self))
        return self

    @property
    def dark(self) -> tuple[tuple[date, date], ...]:
        """First and last day of each blackout."""
        spans = (text.partition("..") for text in self.blackout)
        return tuple((date.fromisoformat(a), date.fromisoformat(b or a)) for a, _, b in spans)


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
        rules.enforce(rules.exposure(self))
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
        rules.enforce(rules.promotion(self))
        return self


class RungHealth(Part):
    """What users must meet after a rung of the way back, counted anew after its last step, before it counts as the
    last one. Fewer requests, or none that can be seen, are never health.

    ``requests``: at least so many, in each region that the operation has touched. ``not_above``: the upper bound of
    the part that fails. ``confidence``: of that bound. ``within``: time for them to come; after it somebody is asked.
    """

    requests: Annotated[int, Field(ge=1, le=_MANY)] = 300
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
        rules.enforce(rules.rollback(self))
        return self


class Check(Part):
    """A data check of exactly one kind.

    ``no_rows``: SQL that must return none. ``equal``: two SQL statements of one value each. ``expect``: the name of a
    Great Expectations expectation. ``table``: what it looks at. ``arguments``: what it is given.
    ``not_below_snapshot``: a table whose row count may only grow. ``unchanged_since_snapshot``: rows that were there
    before the operation are as they were. ``follows``: a table is what its event log says. ``same_on_standby``: the
    standbys hold the primary's rows. ``schema_revision``: Alembic's table, which must hold the revision that the
    running release's manifest names. ``severity``: what a violation means: `hold` (stop and ask), `warn` (say so and go
    on), `next_rung` (on the way back: go one rung further). ``personal``: columns whose values are masked in the keys
    that this check shows.
    """

    severity: Severity = Severity.HOLD
    no_rows: Sql | None = None
    equal: tuple[Sql, Sql] | None = None
    expect: Annotated[str, StringConstraints(pattern=r"^expect_[a-z_]+$")] | None = None
    table: Name | None = None
    arguments: dict[str, Any] = {}  # noqa: RUF012  # pydantic copies it
    not_below_snapshot: Name | None = None
    unchanged_since_snapshot: Unchanged | None = None
    follows: Follows | None = None
    same_on_standby: SameOnStandby | None = None
    schema_revision: Name | None = None
    personal: Personal = ()

    @model_validator(mode="after")
    def _hangs_together(self) -> Check:
        rules.enforce(rules.check(self))
        return self


class Migrations(Part):
    """How the database's schema is changed; of use with `drivers.migrations` only.

    ``prove``: whether a release's migrations are tried up, down and up again on a scratch copy, and both releases'
    smoke tests run there, before anything else; `false` is said loudly. ``irreversible``: what happens to a migration
    that cannot be undone or blocks a large table: `refuse` the release, or `gate` (people are asked). ``large_table``:
    rows from which a table is large. ``sample``: rows of each table that are copied. ``lock_timeout``: how long a
    migration waits for a lock before it gives up, so that nobody waits behind it. ``approval``: who is asked before a
    migration that cannot be undone, and before a contract, which closes the way back; without it there is neither.
    """

    prove: bool = True
    irreversible: Literal["refuse", "gate"] = "refuse"
    large_table: Annotated[int, Field(ge=1, le=_MANY)] = 100_000
    sample: Annotated[int, Field(ge=0, le=100_000)] = 1000
    lock_timeout: Seconds = 2.0
    approval: PeopleAsked | None = None


class Driver(BaseModel):
    """The adapter of one family.

    ``kind``: which one; its other keys are the driver's own settings, checked by it.
    """

    model_config = ConfigDict(extra="allow", frozen=True)
    kind: Name


class Drivers(Part):
    """One driver per family; `flags`, `migrations` and `backups` may be left out.

    ``traffic``: weighs the arms. ``compute``: runs releases. ``metrics``: says what users saw. ``artifacts``: has the
    releases and proves them. ``database``: where the data checks read. ``flags``: how many customers are shown new
    behaviour. ``migrations``: changes the database's schema. ``backups``: has copies
    of the data, of times past.
    """

    traffic: Driver
    compute: Driver
    metrics: Driver
    artifacts: Driver
    database: Driver
    flags: Driver | None = None
    migrations: Driver | None = None
    backups: Driver | None = None


class Policy(Part):
    """One service.

    ``version``: of the format in which this is written; 1 if left out. ``service``: its name, of which DAG ids are
    made. ``description``: for people. ``owners``: who answers for what. ``roles``: who may do what to it.
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
    name. ``migrations``: how the schema is changed.
    ``backups``: how old they may be; left out, there are none. ``checks``: of the data, by name. ``repair``: what puts
    the data right, by name. ``personal``: columns that hold personal data; wherever a check or a repair shows a row's
    key, their values are masked.
    """

    version: Annotated[int, Field(ge=1, le=VERSION)] = 1
    service: Identifier
    description: Text
    owners: Owners
    roles: Roles | None = None
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
    migrations: Migrations = Migrations()
    backups: Backups | None = None
    checks: Annotated[dict[Name, Check], Field(min_length=1, max_length=200)]
    repair: Annotated[dict[Name, Repair], Field(max_length=50)] = {}  # noqa: RUF012
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
        rules.enforce(rules.policy(self))
        return self
