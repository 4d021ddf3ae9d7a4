"""What every driver of faults holds: in memory, and the lab's agent over HTTP."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab.agent.keeping import Keeping
from tests.support.agent import Breakable, serving, site_of
from tests.support.experiments import lines, toolkit, write_experiment
from tests.support.lab import until
from tidegate.drivers.faults import agent, memory
from tidegate.drivers.faults.contract import Fault, FaultKind, Faults
from tidegate.errors import NotSettled, Refused, Rejected, Unreachable

CUT = Fault(FaultKind.PARTITION)
BAD = Fault(FaultKind.ERRORS, version="1.2.0", degree=0.3)


@dataclass
class Rig:
    """``broken``: what is really broken now. ``cut``, ``bad``: two faults that can be had."""

    driver: Faults
    broken: Callable[[], list[str]]
    cut: Fault = CUT
    bad: Fault = BAD


def _memory() -> Rig:
    driver = memory.MemoryFaults(memory.Settings(kinds=(FaultKind.PARTITION, FaultKind.ERRORS)))
    broken: list[str] = []
    driver.on_inject = lambda fault: broken.append(str(fault))
    driver.on_lift = lambda fault: broken.remove(str(fault))

    def now() -> list[str]:
        driver.active()
        return broken

    return Rig(driver, now)


def _chaostoolkit(tmp_path: Path) -> Rig:
    """Two experiments that each change a file, and stay until they are ended."""
    names = ("cut", "bad")
    for name in names:
        write_experiment(tmp_path, name, lasts=600)
    driver = toolkit(tmp_path, *names)

    def now() -> list[str]:
        there = [one.fault.name for one in driver.active()]
        for name in there:
            until(lambda name=name: lines(tmp_path, name) or not driver.active(), 60, f"{name} does nothing")  # type: ignore[misc]
        return [f"experiment ({name})" for name in names for _ in lines(tmp_path, name)]

    return Rig(driver, now, *(Fault(FaultKind.EXPERIMENT, name=name) for name in names))


@pytest.fixture(params=["memory", "agent", "chaostoolkit"])
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    if request.param == "memory":
        yield _memory()
        return
    if request.param == "chaostoolkit":
        found = _chaostoolkit(tmp_path)
        yield found
        for one in found.driver.active():
            found.driver.lift(one.id)
        return
    breakable = Breakable()
    keeping = Keeping(breakable.kinds, tmp_path / "faults.json")
    threading.Thread(target=keeping.take_back_in_time, daemon=True).start()
    with serving(keeping) as port:
        driver = agent.connect(agent.Settings(at="conn://agent"), site_of(port, tmp_path))
        yield Rig(driver, lambda: breakable.broken)


def test_a_fault_is_there_until_it_is_lifted(rig: Rig) -> None:
    there = rig.driver.inject("one", rig.bad, 60.0)
    assert (there.id, there.fault) == ("one", rig.bad)
    assert there.until - there.since == pytest.approx(60.0)
    assert rig.broken() == [str(rig.bad)]
    assert [one.id for one in rig.driver.active()] == ["one"]
    rig.driver.lift("one")
    assert rig.broken() == []
    assert rig.driver.active() == ()


def test_the_same_id_again_breaks_nothing_twice(rig: Rig) -> None:
    first = rig.driver.inject("one", rig.cut, 60.0)
    assert rig.driver.inject("one", rig.cut, 90.0) == first, "nor does it last longer"
    assert rig.broken() == [str(rig.cut)]


def test_an_id_is_of_one_fault(rig: Rig) -> None:
    rig.driver.inject("one", rig.cut, 60.0)
    with pytest.raises(Refused, match="already"):
        rig.driver.inject("one", rig.bad, 60.0)
    assert rig.broken() == [str(rig.cut)]


def test_what_cannot_be_had_is_refused_before_anything_is_broken(rig: Rig) -> None:
    assert rig.driver.kinds() == {rig.cut.kind, rig.bad.kind}
    with pytest.raises(Refused, match="cannot be had"):
        rig.driver.inject("one", Fault(FaultKind.DISK_FULL, "east"), 60.0)
    assert rig.broken() == []


def test_lifting_what_is_not_there_is_nothing(rig: Rig) -> None:
    rig.driver.lift("nobody")
    rig.driver.inject("one", rig.cut, 60.0)
    rig.driver.lift("one")
    rig.driver.lift("one")
    assert rig.broken() == []


def test_a_fault_goes_by_itself_once_its_time_is_over(rig: Rig) -> None:
    rig.driver.inject("one", rig.cut, 0.2)
    until(lambda: rig.broken() == [], 20, "nobody took it back")
    assert rig.driver.active() == ()


def test_an_agent_that_is_started_anew_takes_back_what_the_one_before_has_broken(tmp_path: Path) -> None:
    breakable, record = Breakable(), tmp_path / "faults.json"
    Keeping(breakable.kinds, record).inject("one", CUT, 0.1)
    threading.Thread(target=Keeping(breakable.kinds, record).take_back_in_time, daemon=True).start()
    until(lambda: breakable.broken == [], 20, "it was forgotten")


def test_what_does_not_come_back_is_said_and_tried_again(tmp_path: Path) -> None:
    breakable = Breakable()
    keeping = Keeping(breakable.kinds, tmp_path / "faults.json")
    with serving(keeping) as port:
        driver = agent.connect(agent.Settings(at="conn://agent"), site_of(port, tmp_path))
        driver.inject("one", CUT, 60.0)
        breakable.stuck = True
        with pytest.raises(NotSettled, match="does not come back"):
            driver.lift("one")
        assert [one.id for one in driver.active()] == ["one"], "it is still there, and known to be"
        breakable.stuck = False
        driver.lift("one")
        assert breakable.broken == []


def test_an_agent_answers_who_shows_the_token_alone(tmp_path: Path) -> None:
    with serving(Keeping(Breakable().kinds, tmp_path / "faults.json")) as port:
        stranger = agent.connect(
            agent.Settings(at="conn://agent"), site_of(port, tmp_path, "not-the-token-of-this-agent")
        )
        with pytest.raises(Rejected, match="token"):
            stranger.ping()


def test_an_agent_that_is_gone_is_unreachable(tmp_path: Path) -> None:
    with serving(Keeping(Breakable().kinds, tmp_path / "faults.json")) as port:
        driver = agent.connect(agent.Settings(at="conn://agent"), site_of(port, tmp_path))
        driver.ping()
    began = time.monotonic()
    with pytest.raises(Unreachable):
        driver.ping()
    assert time.monotonic() - began < 30
