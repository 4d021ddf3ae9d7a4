"""What a scenario of the story is made of. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

AS_BEFORE = "as before"
NOBODY_ASKS = ""  # instead of a DAG: something happens to the estate, and nothing is asked for


class Disturbance(StrEnum):
    """What happens to the estate in the middle of a run."""

    SCHEDULER_KILLED = "scheduler_killed"
    BURN_CRITICAL = "burn_critical"
    OTHER_REGION_DEAD = "other_region_dead"
    CHECKOUTS_FAIL = "checkouts_fail"
    FIRST_DATABASE_DEAD = "first_database_dead"  # by its outlet, before anything is asked for; all else of it lives
    FIRST_REGION_DEAD = "first_region_dead"  # before anything is asked for; it stays dark until it is asked back
    FIRST_REGION_BEHIND = "first_region_behind"  # as dead, and for a while before nothing of it reached the other
    FIRST_REGION_FROZEN = "first_region_frozen"  # before anything is asked for; thawed once the failover has begun
    FIRST_REGION_DIES = "first_region_dies"  # in mid-canary; somebody fails over at once
    WRITES_IMPOSSIBLE = "writes_impossible"  # its database takes none for a while; the story's own part plays it
    AIRFLOW_LOST = "airflow_lost"  # the first region is dead before, too
    WORKER_FROZEN = "worker_frozen"  # likewise
    FIRST_REGION_BACK = "first_region_back"  # its supervisor is, and its database is started as the writer that it was
    FIRST_REGION_KILLED = "first_region_killed"  # under load, and nobody asks for anything: the guard acts
    REGIONS_CUT = "regions_cut"  # from each other, for a minute; nobody asks for anything
    SECOND_REGION_SMALL = "second_region_small"  # half as strong as the first, which is dead before anything is asked
    ASSET_STALE = "asset_stale"  # a cache keeps one of another release; a person purges it once it is told
    ONE_CLASS_FAILS = "one_class_fails"  # in the first region alone, until it is mended; nobody asks for anything
    PAYMENTS_HANG = "payments_hang"  # and go on after a while; likewise
    LEDGER_CLOSED = "ledger_closed"  # the same, and a person reapplies what the ledger lists, once it is kept


@dataclass(frozen=True)
class Expectation:
    """How a scenario must end.

    ``outcome``: of the operation. ``signal``: the one that gave the verdict. ``refused_because``: words that the
    journal must hold. ``untouched``: no effect at all. ``clean``: no failed request and no broken session at
    all. ``writes_to_zero``: exactly so many route writes from the verdict to no candidate traffic.
    ``steps_back``: at least so many route writes on the way back. ``within_limit``: no target gets more than
    its declared limit. ``data_checked``: checks were run and all passed. ``found_by``: the check that found
    it; in the last run all passed. ``exit_code``: of the command that asked for it, at the first time and when it is
    asked for again (``exit_code_again``: where that differs); None: it may have lost sight. ``rung``: at which the
    ladder stopped. ``unasked``: a region in which the operation did nothing, and to which it owes nothing.
    ``outage``: nobody is served for a while: how many requests and sessions there are then is not asked.
    ``interrupted``: how the promotion ends that was under way. ``ledger``: it lists every acknowledged order that was
    lost, and there were some. ``writer``: the region whose database alone takes writes at the end. ``most_lost``:
    acknowledged orders that may be gone; ``most_broken``: sessions. ``back_within``: seconds from a kill until orders
    are taken again. ``traffic_stays``: no route is written, and nothing is deployed.
    ``schema``: the revision at the end, or that it is as before, line by line. ``flag_back``: the flag that
    goes back, and nothing else: no route write, nothing redeployed, and no request fails that begins once it is safe.
    """

    outcome: str
    run_state: str
    signal: str | None = None
    refused_because: str | None = None
    untouched: bool = False
    clean: bool = False
    writes_to_zero: int | None = None
    steps_back: int | None = None
    within_limit: bool = False
    data_checked: bool = False
    found_by: str | None = None
    exit_code: int | None = 0
    rung: str | None = None
    unasked: str | None = None
    schema: str | None = None
    flag_back: str | None = None
    writer: str | None = None
    most_lost: int = 0
    most_broken: int = 0
    outage: bool = False
    ledger: bool = False
    interrupted: str | None = None
    traffic_stays: bool = False
    back_within: float | None = None
    exit_code_again: int | None = None


@dataclass(frozen=True)
class Scenario:
    """``dag``: which is asked for, or :data:`NOBODY_ASKS`. ``needs``: scenarios that must have been run before, here.
    ``publishes``: the release is built, signed, verified and published before, by the command line. ``afterwards``:
    seconds in which a rollback that nobody asks for must follow and end; ``expect`` is of that one then, and the
    release's leak is held back until the promotion has ended. ``variant``: of the sample's policy
    (:mod:`lab.story.variants`). ``mended_by``: a statement that the journal names as what to do next when the run has
    ended and its operation has not; a person makes it, and clears what failed."""

    name: str
    title: str
    dag: str
    conf: Mapping[str, Any]
    expect: Expectation
    release: str | None = None
    needs: tuple[str, ...] = ()
    disturbance: Disturbance | None = None
    within: float = 420.0
    approvers: tuple[str, ...] = ("ann",)
    expected: str = field(default="")
    publishes: bool = False
    afterwards: float | None = None
    variant: str = ""
    mended_by: str | None = None
