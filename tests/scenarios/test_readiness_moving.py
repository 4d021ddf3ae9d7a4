"""Readiness of moving: green on a service that is well, and each item turned red by what it is there to see."""

from __future__ import annotations

import dataclasses
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.certificates import Signed, signed_by_our_own
from tests.support.estate import Rig, build
from tests.support.moving import moving_policy
from tests.support.operations import small_policy
from tidegate.drivers.credentials import Credential
from tidegate.drivers.flags.contract import FlagsState, Setting
from tidegate.engine import readiness
from tidegate.engine.facts import FACT_KINDS, fold_facts
from tidegate.engine.readiness_drilled import drilled
from tidegate.engine.readiness_ground import ground
from tidegate.engine.readiness_item import Item, State
from tidegate.engine.readiness_moving import VANTAGE, moving
from tidegate.errors import Unreachable
from tidegate.guard.probing import BEAT
from tidegate.journal.model import EventKind
from tidegate.model.placement import Placement
from tidegate.model.topology import Arm, Slot
from tidegate.policy.schema import Driver, Policy, Roles
from tidegate.report.overview import service_document


def look(rig: Rig) -> list[Item]:
    facts = fold_facts(rig.world.journal.events("shop", kinds=FACT_KINDS))
    return [*moving(rig.world, facts, "test"), *drilled(rig.world, facts, "test")]


class Red(dict[tuple[str, str], Item]):
    """What is red, by item. That an item is not among it is what a test asserts."""

    def __missing__(self, key: tuple[str, str]) -> Item:
        raise AssertionError(f"{key} is not red: {sorted(self)}")


def red(rig: Rig) -> dict[tuple[str, str], Item]:
    return Red({(item.what, item.of): item for item in look(rig) if item.state is State.NOT_READY})


def place(rig: Rig, *, protected: bool) -> None:
    where = Placement("east", {"east": 5000, "west": 5000}, protected, False, "op-1", "west")
    with rig.world.journal.locked("shop") as txn:
        txn.append(EventKind.PLACEMENT_RECORDED, where.to_json(), actor="test")


def beats(rig: Rig, ttl: float = 60.0) -> None:
    for name in ("guard", "two"):
        rig.world.journal.beat("shop", f"{VANTAGE}{name}", ttl=ttl, body={})


def in_memory(policy: Policy) -> Policy:
    """With the drivers that the estate in memory has, so that no connection is named that is not there."""
    kinds = ("traffic", "compute", "metrics", "artifacts", "database", "flags")
    drivers = {**dict.fromkeys(kinds, Driver(kind="memory")), "backups": None}
    return policy.model_copy(update={"drivers": policy.drivers.model_copy(update=drivers), "backups": None})


def make(tmp_path: Path, policy: Policy | None = None) -> Rig:
    """A service that could move: placed, protected, and looked at from two points."""
    rig = build(tmp_path, in_memory(policy or moving_policy()))
    place(rig, protected=True)
    beats(rig)
    return rig


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return make(tmp_path)


def test_a_service_that_is_well_is_green_and_what_never_was_is_neither(rig: Rig) -> None:
    rig.effects_log().clear()
    before = rig.world.journal.head("shop")
    found = look(rig)
    assert not red(rig), "nothing is wrong"
    assert [item.what for item in found if item.state is State.NEVER] == ["drill"]
    assert [item.what for item in found if not item.ready] == ["drill"], "what never was counts as green"
    assert all(item.do for item in found if not item.ready)
    assert rig.effects() == []
    assert rig.world.journal.head("shop").seq == before.seq


def test_a_service_that_stays_where_it_is_is_asked_nothing_of_this(tmp_path: Path) -> None:
    assert look(build(tmp_path, small_policy())) == []


def test_the_beats_that_are_read_are_those_of_the_vantage_points() -> None:
    assert VANTAGE == BEAT


Fault = Callable[[Rig], Any]


def crowd(rig: Rig) -> None:
    rig.users.rate = 600.0
    rig.clock.sleep(6)


def another_hand(rig: Rig) -> None:
    rig.flags._state = FlagsState(1, {"new_basket": Setting(0)}, edited=frozenset({"new_basket"}))


FAULTS: dict[str, tuple[Fault, tuple[str, str], str]] = {
    "standby-dead": (lambda rig: rig.database.kill("west"), ("replication", ""), "unreachable"),
    "two-writers": (lambda rig: rig.database.set("west", "primary"), ("replication", ""), "expected one"),
    "no-stream": (lambda rig: rig.database.part(), ("replication", ""), "does not stream"),
    "bytes-behind": (lambda rig: rig.database.set("west", "standby", 20_000_000), ("lag", ""), "would wait"),
    "lag-unknown": (lambda rig: rig.database.set("west", "standby"), ("lag", ""), "not known"),
    "crowd": (crowd, ("capacity", "west"), "too small"),
    "instance-dead": (lambda rig: rig.compute.kill(Arm("west", Slot.A)), ("runs", "west"), "no instance|do not run"),
    "flag-edited": (another_hand, ("settings", ""), "new_basket"),
    "unprotected": (lambda rig: place(rig, protected=False), ("placement", ""), "no second database"),
    "nobody-looks": (lambda rig: beats(rig, ttl=-1.0), ("vantage", ""), "silent: guard, two"),
    "rights": (lambda rig: rig.database.lacking.update(west="promote"), ("rights", "west"), "may not promote"),
    "no-power": (lambda rig: rig.database.power_off("west"), ("rights", "west"), "does not answer"),
    "database-clock": (lambda rig: rig.database.skew.update(west=-9.0), ("clocks", "west"), "database -9"),
    "control-clock": (lambda rig: rig.compute.skew.update(east=9.0), ("clocks", "east"), r"control \+9"),
    "log-away": (
        lambda rig: setattr(rig.metrics.faults, "unreachable", Unreachable("the log is gone")),
        ("answers", "metrics"),
        "the log is gone",
    ),
}


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_each_item_is_turned_red_by_its_fault_and_says_what_to_do(name: str, rig: Rig) -> None:
    fault, key, why = FAULTS[name]
    fault(rig)
    if name != "nobody-looks":
        beats(rig)
    found = red(rig)
    assert key in found, sorted(found)
    assert re.search(why, found[key].why), found[key].why
    assert found[key].do


def with_objective(rpo: float) -> Policy:
    policy = moving_policy()
    return policy.model_copy(update={"objectives": policy.objectives.model_copy(update={"rpo": rpo})})


def test_an_objective_that_is_missed_is_red(tmp_path: Path) -> None:
    rig = make(tmp_path, with_objective(0.5))
    rig.database.set("west", "standby", 100)
    assert "rpo is 0.5 s" in red(rig)["lag", ""].why


def test_losing_nothing_is_not_promised_where_writes_wait_for_nobody(tmp_path: Path) -> None:
    rig = make(tmp_path, with_objective(0))
    assert "writes do not wait" in red(rig)["lag", ""].why
    rig.database.servers["east"].waits_for = "west"
    assert ("lag", "") not in red(rig)


def test_an_approver_whom_the_roles_do_not_know_is_red(tmp_path: Path) -> None:
    roles = Roles.model_validate({"operator": ["cat"], "approver": ["ann"]})
    policy = moving_policy().model_copy(update={"roles": roles})
    assert red(make(tmp_path, policy))["approvers", ""].why.startswith("ben would be asked")


def test_approvers_who_are_all_needed_and_alone_may_request_are_red(tmp_path: Path) -> None:
    roles = Roles.model_validate({"operator": ["ann", "ben"], "approver": ["ann", "ben"]})
    policy = moving_policy().model_copy(update={"roles": roles})
    assert "whoever may request is asked too" in red(make(tmp_path, policy))["approvers", ""].why


def test_where_nobody_has_recorded_the_place_it_is_never(tmp_path: Path) -> None:
    (item,) = [item for item in look(build(tmp_path, moving_policy())) if item.what == "placement"]
    assert (item.state, "tidegate reprotect shop" in item.do) == (State.NEVER, True)


@pytest.mark.parametrize(("days", "ending"), [(400, False), (3, True)])
def test_a_certificate_that_ends_soon_is_red(rig: Rig, tmp_path: Path, days: int, ending: bool) -> None:
    with signed_by_our_own(tmp_path, days) as server:
        found = _certificates(rig, server)
    assert (found.state is State.NOT_READY) is ending, found.why
    assert ("end soon" in found.why) is ending


def test_a_certificate_that_nobody_knows_is_red(rig: Rig, tmp_path: Path) -> None:
    with signed_by_our_own(tmp_path, 400) as server:
        found = _certificates(rig, dataclasses.replace(server, authority=""))
    assert found.state is State.NOT_READY
    assert "is not good" in found.why


def _certificates(rig: Rig, server: Signed) -> Item:
    """Readiness where one connection of the policy is an https one to that server."""
    shown = {"cafile": server.authority} if server.authority else {}

    def resolve(reference: str) -> Credential:
        return Credential("edge", "https", "localhost", server.port, extra=shown)

    policy = rig.world.policy
    database = policy.drivers.database.model_copy(update={"regions": {"east": "conn://edge"}})
    policy = policy.model_copy(update={"drivers": policy.drivers.model_copy(update={"database": database})})
    estate = dataclasses.replace(rig.world.estate, site=dataclasses.replace(rig.world.estate.site, resolve=resolve))
    there = dataclasses.replace(rig.world, policy=policy, estate=estate, clock=Now())
    return next(item for item in ground(there) if item.what == "certificates")


class Now:
    """The real time: certificates end by it."""

    def now(self) -> float:
        return time.time()

    def sleep(self, seconds: float) -> None:
        raise AssertionError("nobody sleeps")


def test_the_whole_is_red_with_one_of_them_and_pages_tell_never_apart(rig: Rig) -> None:
    rig.database.part()
    found = readiness.assess(rig.world, actor="test")
    assert not found.ready
    row = service_document(rig.world.journal, "shop", rig.clock.now())["readiness"]
    assert any("replication" in one for one in row["red"])
    assert [one for one in row["never"] if "drill" in one]
    assert not [one for one in row["red"] if "drill" in one]
