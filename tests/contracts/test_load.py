"""What every driver of load holds: in memory, and the lab's agent over HTTP, around users of the test's own."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest

from lab.agent.keeping import Keeping
from lab.load.mix import weights
from tests.support.agent import Breakable, serving, site_of
from tests.support.lab import until
from tidegate.drivers.load import agent, memory
from tidegate.drivers.load.contract import Load, LoadProfile, Seen
from tidegate.errors import Refused, Rejected, TidegateError, Unreachable
from tidegate.model.drill import Users

MANY = LoadProfile(165.0, 200, {"checkout": 0.33, "browse": 0.67})
SAW = Seen(Users(1000, 3, 1, 0), 10.0, 12.0, 2.5)


class Crowd:
    """Users as the agent's visitors keep them, without a shop. ``brought``: each run's profile, as it arrived."""

    def __init__(self) -> None:
        self.brought: dict[str, LoadProfile] = {}
        self._until: dict[str, float] = {}

    def start(self, which: str, profile: LoadProfile, lasts: float) -> None:
        try:
            weights(profile.mix)
        except ValueError as error:
            raise Refused(str(error)) from None
        self.brought.setdefault(which, profile)
        self._until.setdefault(which, time.time() + lasts)

    def ready(self, which: str) -> bool:
        return which in self.running()

    def seen(self, which: str, since: float, until: float) -> dict[str, Any]:
        if which not in self.brought:
            raise Refused(f"no users were ever brought as {which}")
        return asdict(SAW)

    def running(self) -> list[str]:
        return sorted(which for which, end in self._until.items() if end > time.time())

    def stop(self, which: str) -> None:
        if which in self._until:
            self._until[which] = 0.0


@dataclass
class Rig:
    driver: Load


@contextmanager
def _agent(tmp_path: Path, crowd: Crowd) -> Iterator[Load]:
    with serving(Keeping(Breakable().kinds, tmp_path / "faults.json"), crowd) as port:
        yield agent.connect(agent.Settings(at="conn://agent"), site_of(port, tmp_path))


@pytest.fixture(params=["memory", "agent"])
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    if request.param == "memory":
        driver = memory.MemoryLoad()
        driver.saw = lambda since, until: SAW
        yield Rig(driver)
        return
    with _agent(tmp_path, Crowd()) as told:
        yield Rig(told)


def test_users_are_there_until_they_are_stopped(rig: Rig) -> None:
    assert rig.driver.running() == ()
    rig.driver.start("one", MANY, 60.0)
    assert rig.driver.running() == ("one",)
    assert rig.driver.ready("one")
    rig.driver.stop("one")
    assert rig.driver.running() == ()


def test_the_same_run_is_brought_once(rig: Rig) -> None:
    for _ in range(2):
        rig.driver.start("one", MANY, 60.0)
    assert rig.driver.running() == ("one",)
    rig.driver.stop("one")
    rig.driver.stop("one")
    assert rig.driver.running() == ()


def test_they_go_by_themselves_once_their_time_is_over(rig: Rig) -> None:
    rig.driver.start("one", MANY, 0.3)
    until(lambda: rig.driver.running() == (), 30.0, "the users are still there")


def test_what_they_saw_can_be_asked_for_after_they_have_gone(rig: Rig) -> None:
    rig.driver.start("one", MANY, 60.0)
    rig.driver.stop("one")
    assert rig.driver.seen("one", 0.0, 100.0) == SAW


def test_a_run_that_is_not_known_is_refused(rig: Rig) -> None:
    with pytest.raises((Refused, Rejected), match="no users were ever brought as two"):
        rig.driver.seen("two", 0.0, 1.0)


def test_stopping_who_was_never_there_is_nothing(rig: Rig) -> None:
    rig.driver.stop("two")
    assert rig.driver.running() == ()


def test_rate_sessions_and_mix_arrive_at_the_agent(tmp_path: Path) -> None:
    crowd = Crowd()
    with _agent(tmp_path, crowd) as driver:
        driver.start("one", MANY, 60.0)
    assert crowd.brought == {"one": MANY}


def test_a_mix_that_no_user_has_is_refused_by_whoever_would_bring_them(tmp_path: Path) -> None:
    with _agent(tmp_path, Crowd()) as driver:
        with pytest.raises(TidegateError, match="no user here asks for search"):
            driver.start("one", LoadProfile(1.0, 1, {"search": 1.0}), 60.0)
        assert driver.running() == ()


def test_an_agent_that_is_away_is_unreachable(tmp_path: Path) -> None:
    with _agent(tmp_path, Crowd()) as driver:
        driver.ping()
    with pytest.raises(Unreachable):
        driver.ping()
