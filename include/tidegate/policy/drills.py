"""What a policy says of its drills: when, where, what is rehearsed, and how old the last one may be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, StringConstraints

from tidegate.model.drill import Scenario
from tidegate.policy.base import Identifier, Part, Text
from tidegate.policy.problem import Problem
from tidegate.policy.quantities import Seconds

if TYPE_CHECKING:
    from tidegate.policy.schema import Policy

_CRON = r"^\S+( \S+){4}$"
_NEEDS_VERSION = (Scenario.BAD_RELEASE, Scenario.BAD_RELEASE_LATE, Scenario.MONITORING_BLIND)
MOVES = (Scenario.REGION_LOSS, Scenario.DATABASE_LOSS, Scenario.AIRFLOW_LOST)


class Rehearsal(Part):
    """One scenario.

    ``version``: the release that is promoted in it, where it has one. ``lasts``: how long a fault stays that nothing
    answers, such as a dependency that hangs, or metrics that are gone. ``within``: after it the scenario is ended, and
    has failed. ``experiments``: those of the environment's `drivers.faults` that are run, one after the other.
    ``rto``: how long it may take from the order of a restore until its copy is proven whole; left out:
    `objectives.rto`.
    """

    version: Text | None = None
    experiments: Annotated[tuple[Text, ...], Field(max_length=64)] = ()
    lasts: Seconds = 20.0
    rto: Seconds | None = None
    within: Seconds = 600.0


class Drills(Part):
    """Rehearsals, on an environment of their own.

    ``environment``: the service, with a policy of its own beside this one, that is broken instead of this one. It has
    the same plans, and other systems beneath them. ``scenarios``: what is rehearsed, in this order. ``schedule``: a
    cron expression; left out, drills are held when somebody asks for one. ``timezone``: of the schedule. ``every``: a
    last good drill older than that turns readiness red. ``hold_promotions``: and promotions are refused while it is.
    ``steady``: how long the steady state is measured, before and after. ``answer``: who stands in for the people
    on call: the connection to Airflow by which the drill asks for what a person would. Left out, it asks from its own
    process, without Airflow. ``blocked``: no drill begins on these days, each a date or a span of dates.
    ``may_differ``: lines in which the environment need not be what production is, as ``tidegate parity`` names them;
    any other difference fails a drill.
    """

    environment: Identifier
    scenarios: Annotated[dict[Scenario, Rehearsal], Field(min_length=1)]
    schedule: Annotated[str, StringConstraints(pattern=_CRON)] | None = None
    timezone: Text = "UTC"
    every: Seconds = 129_600.0
    hold_promotions: bool = False
    steady: Seconds = 10.0
    answer: Annotated[str, StringConstraints(pattern=r"^conn://[A-Za-z0-9_.-]+$")] | None = None
    blocked: Annotated[
        tuple[Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}(\.\.\d{4}-\d{2}-\d{2})?$")], ...],
        Field(max_length=200),
    ] = ()
    may_differ: Annotated[tuple[Text, ...], Field(max_length=64)] = ()


def drills_of(policy: Policy) -> Iterator[Problem]:
    """What must hold between `drills` and the rest of the policy. Pure."""
    part = policy.drills
    if part is None:
        return
    if part.environment == policy.service:
        hint = "name a service of its own, with the same plans and other systems: it is going to be broken"
        yield Problem("a drill is never held on the service itself", ("drills", "environment"), hint)
    for scenario, rehearsal in part.scenarios.items():
        at = ("drills", "scenarios", scenario.value)
        if scenario in _NEEDS_VERSION and rehearsal.version is None:
            yield Problem(f"{scenario.value} promotes a release, and none is named", at, "add version: 1.2.0", key=True)
        if scenario not in _NEEDS_VERSION and rehearsal.version is not None:
            yield Problem(f"{scenario.value} promotes nothing", (*at, "version"), "leave it out", key=True)
        if scenario is Scenario.EXPERIMENT and not rehearsal.experiments:
            yield Problem("no experiment is named", at, "add experiments: [the name of one]", key=True)
        if scenario is not Scenario.EXPERIMENT and rehearsal.experiments:
            words = f"{scenario.value} runs no experiments"
            yield Problem(words, (*at, "experiments"), "they are a scenario of their own: experiment", key=True)
        if scenario in MOVES and policy.failover is None:
            yield Problem(f"{scenario.value} needs a service that can move", at, "add failover", key=True)
    yield from _blind(part, policy)
    yield from _restore(part, policy)
    yield from _times(policy)


def _blind(part: Drills, policy: Policy) -> Iterator[Problem]:
    rehearsal, within = part.scenarios.get(Scenario.MONITORING_BLIND), policy.promotion.gate_within
    if rehearsal is not None and rehearsal.lasts >= within:
        words = f"a gate waits for {within:g} s (promotion.gate_within), then the promotion turns back; this is longer"
        at = ("drills", "scenarios", Scenario.MONITORING_BLIND.value, "lasts")
        yield Problem(words, at, f"let it last less than {within:g} s")


def _restore(part: Drills, policy: Policy) -> Iterator[Problem]:
    for scenario, rehearsal in part.scenarios.items():
        if scenario is not Scenario.RESTORE and rehearsal.rto is not None:
            where = ("drills", "scenarios", scenario.value, "rto")
            yield Problem(f"{scenario.value} restores no backup", where, "leave it out: objectives.rto holds", key=True)
    if Scenario.RESTORE not in part.scenarios:
        return
    at = ("drills", "scenarios", Scenario.RESTORE.value)
    if policy.backups is None:
        hint = "add drivers.backups and backups: {every: 24h, keep: 3, archive_lag: 60s}"
        yield Problem("restore needs a service with backups", at, hint, key=True)
    if not any(check.not_below_snapshot or check.unchanged_since_snapshot for check in policy.checks.values()):
        words = "no check would notice rows that are missing from a restored copy"
        yield Problem(words, at, "add a check: not_below_snapshot: TABLE, or unchanged_since_snapshot", key=True)


def _times(policy: Policy) -> Iterator[Problem]:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    assert policy.drills is not None  # asked only then
    try:
        ZoneInfo(policy.drills.timezone)
    except (ZoneInfoNotFoundError, ValueError):
        yield Problem(
            f"{policy.drills.timezone!r} is no time zone", ("drills", "timezone"), "an IANA name, like Europe/Berlin"
        )
