"""Looking at regions: what is counted, and that a part that hangs holds up nobody."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.estate import Rig, build
from tidegate.errors import Rejected, Unreachable
from tidegate.guard.probing import (
    LIMIT,
    InlineEyes,
    StandingEyes,
    looks_of,
    noted,
    overdue,
    publish,
    sights,
)
from tidegate.judge.regions import COMPUTE, DATABASE, WRITER, Run


def until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return build(tmp_path, guarded=False)


def test_what_is_well_and_what_is_not(rig: Rig) -> None:
    eyes = InlineEyes(rig.world)
    sight = eyes.sight("guard")
    wells = {region: {part: run.well for part, run in parts.items()} for region, parts in sight.regions.items()}
    assert wells == {
        "east": {DATABASE: True, WRITER: True, COMPUTE: True},
        "west": {DATABASE: True, WRITER: False, COMPUTE: True},
    }
    rig.database.kill("east")
    rig.compute.faults.lost["east"] = Unreachable("east is dark")
    for _ in range(3):
        sight = eyes.sight("guard")
    assert {part: (run.well, run.times) for part, run in sight.regions["east"].items()} == {
        DATABASE: (False, 3),
        WRITER: (False, 3),
        COMPUTE: (False, 3),
    }
    assert sight.regions["east"][COMPUTE].why == "east is dark"


def test_a_refusal_is_no_loss(rig: Rig) -> None:
    rig.compute.faults.lost["east"] = Rejected("wrong password")
    assert InlineEyes(rig.world).sight("guard").regions["east"][COMPUTE].well is None


def test_a_region_in_which_no_instance_answers_is_dark(rig: Rig) -> None:
    for arm in rig.arms():
        if arm.region == "east":
            rig.compute.kill(arm)
    run = InlineEyes(rig.world).sight("guard").regions["east"][COMPUTE]
    assert run.well is False and "instances answers" in run.why


def test_instances_are_looked_at_once_a_second_and_the_control_each_time(rig: Rig) -> None:
    at = [0.0]
    look = looks_of(rig.world.estate, lambda: at[0])["east"][1]
    rig.compute.faults.asked.clear()
    for at[0] in (0.0, 0.25, 0.5, 0.75, 1.0):
        look()
    asked = len(rig.compute.faults.asked)
    assert asked == 5 + 2 * 2, "five pings, and two looks at two slots"


def test_a_failure_that_took_long_counts_for_each_limit() -> None:
    runs = noted({}, {DATABASE: (False, "hung")}, at=110.0, took=2.4 * LIMIT)
    assert (runs[DATABASE].times, runs[DATABASE].since) == (2, 110.0 - 2.4 * LIMIT)
    assert noted({}, {DATABASE: (True, "")}, at=110.0, took=9.0)[DATABASE].times == 1


def test_a_look_that_does_not_come_back_counts_meanwhile() -> None:
    runs = {DATABASE: Run(True, 5, 90.0)}
    assert overdue(runs, 100.0, 100.9 * LIMIT) is runs
    late = overdue(runs, 100.0, 100.0 + 3.1 * LIMIT)[DATABASE]
    assert (late.well, late.times, late.since) == (False, 3, 100.0)


@pytest.fixture
def stop() -> Iterator[threading.Event]:
    ending = threading.Event()
    yield ending
    ending.set()


def probe_threads() -> int:
    return sum(t.name.startswith("probe-") for t in threading.enumerate())


def test_a_part_that_hangs_holds_up_nobody_and_begins_no_second_thread(stop: threading.Event) -> None:
    looked, released = [0], threading.Event()

    def well() -> dict[str, tuple[bool | None, str]]:
        looked[0] += 1
        return {COMPUTE: (True, "")}

    def hangs() -> dict[str, tuple[bool | None, str]]:
        released.wait(60)
        return {DATABASE: (True, "")}

    before = probe_threads()
    eyes = StandingEyes({"east": [hangs, well], "west": [well, well]}, 0.001, stop)
    until(lambda: looked[0] > 300, "the others go on looking")
    assert probe_threads() - before == 4, "one for each part of each region, however long one hangs"
    began = time.monotonic()
    for _ in range(1000):
        sight = eyes.sight("two")
    assert time.monotonic() - began < 60, "nobody waits for a look"
    assert sight.regions["west"][COMPUTE].well is True
    released.set()
    until(lambda: eyes.sight("two").regions["east"].get(DATABASE, Run()).well is True, "the hung one comes back")


def test_a_probe_that_breaks_lives_on(stop: threading.Event) -> None:
    answers = iter([{DATABASE: (True, "")}])

    def breaks() -> dict[str, tuple[bool | None, str]]:
        return next(answers)  # StopIteration from then on

    eyes = StandingEyes({"east": [breaks]}, 0.001, stop)
    until(lambda: eyes.sight("two").regions["east"].get(DATABASE, Run(True)).well is None, "it is said to be unknown")
    until(lambda: eyes.sight("two").regions["east"][DATABASE].times > 3, "and goes on")


def test_sights_are_left_as_beats(rig: Rig) -> None:
    sight = InlineEyes(rig.world).sight("two")
    publish(rig.world.journal, "shop", sight, ttl=2.0)
    rig.world.journal.beat("shop", "vantage:broken", ttl=2.0, body={"at": "yesterday"})
    assert sights(rig.world.journal, "shop") == [sight]
