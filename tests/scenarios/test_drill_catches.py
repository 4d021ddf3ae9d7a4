"""What is wrong with an environment is put in on purpose, and keeps a drill from being held: with the reason, and what
to do. Nothing was touched by then."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.drills import Stage, bundle, stage
from tidegate.drill.session import hold
from tidegate.errors import Unreachable
from tidegate.model.drill import Phase, Scenario
from tidegate.model.topology import Arm, Slot

Plant = Callable[[Stage], Any]


def too_small(found: Stage) -> None:
    """One instance runs in the standby region, and is well."""
    release = found.rig.releases["1.0.0"]
    found.rig.compute.force(Arm("west", Slot.A), release.version, release.digest, 1)


def flags_gone(found: Stage) -> None:
    found.rig.flags.faults.unreachable = Unreachable("the source of flags does not answer")


def expired(found: Stage) -> None:
    """As PostgreSQL answers to a log-in whose time is over."""
    found.rig.database.lacking["west"] = "log in: the password of tidegate_mover has expired"


def left_over(found: Stage) -> None:
    found.rig.database.servers["east"].slots = ("old_standby",)
    found.rig.database.servers["east"].idle = ("old_standby",)


PLANTED: dict[str, tuple[Plant, str, str]] = {
    "standby too small": (too_small, "west-a is too small: 1 instances run, capacity.instances says 2", "deploy"),
    "flag source missing": (flags_gone, "flags answers: the source of flags does not answer", "see that it runs"),
    "expired credential": (expired, "west rights: .*has expired", "grant it"),
    "stale runbook": (
        lambda found: bundle(found.rig, failover="sha256:another"),
        "runbook: .*of other plans than today's: failover",
        "tidegate bundle shop",
    ),
    "left-over slot": (left_over, "nobody reads old_standby in east", "pg_drop_replication_slot"),
    "a clock 30 s off": (
        lambda found: found.rig.database.skew.update(west=30.0),
        "west clocks: off this machine's clock by more than 2 s: database \\+30",
        "chronyc",
    ),
}


@pytest.mark.parametrize("what", sorted(PLANTED))
def test_a_drill_catches_it_before_anything_is_touched(tmp_path: Path, what: str) -> None:
    found = stage(tmp_path, {"region_loss": {}})
    plant, why, next_step = PLANTED[what]
    plant(found)
    found.rig.effects_log().clear()
    held = hold(found.cast, [Scenario.REGION_LOSS])
    assert not held.ok
    (result,) = held.results
    said = [one for one in result.wrong if one.startswith(Phase.READY.value)]
    assert any(re.search(why, one) and next_step in one for one in said), result.wrong
    assert found.hands.asked == []
    assert found.rig.effects() == []


def test_without_any_of_them_it_is_held(tmp_path: Path) -> None:
    assert hold(stage(tmp_path, {"region_loss": {}}).cast, [Scenario.REGION_LOSS]).ok
