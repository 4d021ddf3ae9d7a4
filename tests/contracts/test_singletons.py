"""The compute drivers' verbs for a job of which one at most runs, on memory and on a real supervisord."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support import supervisor as real_supervisor
from tests.support.envoy import free_ports, wait_until
from tests.support.supervisor import RealRegion
from tidegate.drivers.compute import supervisor
from tidegate.drivers.compute.contract import Compute
from tidegate.drivers.compute.memory import MemoryCompute
from tidegate.drivers.credentials import Credential
from tidegate.drivers.site import Site
from tidegate.drivers.token import Token
from tidegate.errors import LeaseLost, Refused, Rejected, Unreachable

JOB = "outbox"
PROGRAM = """\
import json, os, pathlib, sys, time
home = pathlib.Path(__file__).parent
(home / f"ran-{os.getpid()}").write_text(json.dumps({k: v for k, v in os.environ.items() if k.startswith("SHOP_")}))
while not (home / "replaced").exists():
    time.sleep(0.02)
sys.exit(76)
"""


@dataclass
class Rig:
    """``starts``: how often the job was started at all."""

    driver: Compute
    starts: Callable[[], int]
    unreachable: Compute


def token(epoch: int) -> Token:
    return Token(epoch, f"op-{epoch}")


def _driver(region: RealRegion, command: str, **changes: Any) -> supervisor.SupervisorCompute:
    settings = {"slots": "lab/slots", "regions": {"east": "conn://shop_east"}, "stop_seconds": 5}
    found = supervisor.Settings.model_validate({**settings, "singletons": {JOB: command}, **changes})
    return supervisor.connect(found, region.site)


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRegion]:
    with real_supervisor.running(tmp_path_factory.mktemp("region")) as running:
        (running.site.root / "job.py").write_text(PROGRAM)
        yield running


def command(region: RealRegion) -> str:
    return f"{{python}} {region.site.root / 'job.py'}"


@pytest.fixture
def region(daemon: RealRegion) -> Iterator[RealRegion]:
    """The daemon without the job, which no epoch holds."""
    yield daemon
    _driver(daemon, command(daemon)).stop_singleton("east", JOB, token(1_000_000))
    for path in [*daemon.site.root.glob("ran-*"), *daemon.site.root.glob("replaced")]:
        path.unlink()
    (daemon.site.root / "lab" / "slots" / "singletons" / f"east-{JOB}.json").unlink()


def _memory() -> Rig:
    driver, gone = MemoryCompute(regions=["east"]), MemoryCompute(regions=["east"])
    gone.faults.unreachable = Unreachable("gone")
    return Rig(driver, lambda: sum(e.verb == "start_singleton" for e in driver.world.effects), gone)


def _real(region: RealRegion) -> Rig:
    nobody = Credential("shop_east", "http", "127.0.0.1", free_ports(1)[0], extra=region.credential.extra)
    site = Site("shop", {"east": 10_000}, (), region.site.root, lambda _: nobody)
    settings = supervisor.Settings(slots="lab/slots", regions={"east": "conn://x"}, singletons={JOB: command(region)})
    before = region.spawned()
    return Rig(_driver(region, command(region)), lambda: region.spawned() - before, supervisor.connect(settings, site))


@pytest.fixture(params=["memory", pytest.param("supervisor", marks=pytest.mark.real)])
def rig(request: pytest.FixtureRequest) -> Rig:
    return _memory() if request.param == "memory" else _real(request.getfixturevalue("region"))


def runs_under(rig: Rig, epoch: int) -> None:
    wait_until(lambda: rig.driver.singleton("east", JOB).steady, "the job runs")
    assert rig.driver.singleton("east", JOB).epoch == epoch


def test_it_runs_under_the_epoch_that_it_was_started_with(rig: Rig) -> None:
    assert rig.driver.singleton("east", JOB).epoch is None
    rig.driver.start_singleton("east", JOB, token(3))
    runs_under(rig, 3)
    rig.driver.stop_singleton("east", JOB, token(4))
    state = rig.driver.singleton("east", JOB)
    assert (state.epoch, state.steady) == (None, False)


def test_the_same_again_starts_nothing(rig: Rig) -> None:
    rig.driver.start_singleton("east", JOB, token(3))
    runs_under(rig, 3)
    rig.driver.start_singleton("east", JOB, token(3))
    runs_under(rig, 3)
    assert rig.starts() == 1


def test_a_newer_epoch_replaces_it_and_there_is_one(rig: Rig) -> None:
    rig.driver.start_singleton("east", JOB, token(3))
    runs_under(rig, 3)
    rig.driver.start_singleton("east", JOB, token(5))
    runs_under(rig, 5)
    assert rig.starts() == 2


@pytest.mark.parametrize("verb", ["start_singleton", "stop_singleton"])
def test_an_older_epoch_is_refused(rig: Rig, verb: str) -> None:
    rig.driver.start_singleton("east", JOB, token(5))
    with pytest.raises(LeaseLost, match="epoch 5"):
        getattr(rig.driver, verb)("east", JOB, token(4))
    runs_under(rig, 5)


def test_an_older_epoch_does_not_start_what_was_stopped(rig: Rig) -> None:
    rig.driver.stop_singleton("east", JOB, token(5))
    with pytest.raises(LeaseLost):
        rig.driver.start_singleton("east", JOB, token(4))
    assert rig.driver.singleton("east", JOB).epoch is None


def test_a_region_that_does_not_answer_is_unreachable(rig: Rig) -> None:
    for call in (
        lambda: rig.unreachable.singleton("east", JOB),
        lambda: rig.unreachable.start_singleton("east", JOB, token(1)),
        lambda: rig.unreachable.stop_singleton("east", JOB, token(1)),
    ):
        with pytest.raises(Unreachable):
            call()
    rig.driver.stop_singleton("east", JOB, token(1))  # nobody's epoch was noted


@pytest.mark.real
def test_the_program_is_told_who_it_is(region: RealRegion) -> None:
    rig = _real(region)
    rig.driver.start_singleton("east", JOB, token(3))
    runs_under(rig, 3)
    wait_until(lambda: list(region.site.root.glob("ran-*")), "it has started")
    (file,) = region.site.root.glob("ran-*")
    told = {"SHOP_REGION": "east", "SHOP_SINGLETON": JOB, "SHOP_EPOCH": "3", "SHOP_SECRET": "not in any argv"}
    wait_until(lambda: file.read_text(), "it has said so")
    assert json.loads(file.read_text()) == told


@pytest.mark.real
def test_one_that_is_frozen_is_ended_before_the_next_begins(region: RealRegion) -> None:
    driver = _driver(region, command(region), stop_seconds=1)
    driver.start_singleton("east", JOB, token(3))
    wait_until(lambda: driver.singleton("east", JOB).steady, "the job runs")
    frozen = region.pids()[f"shop-singleton-{JOB}-3"]
    os.kill(frozen, signal.SIGSTOP)
    driver.start_singleton("east", JOB, token(4))
    assert not Path(f"/proc/{frozen}").exists(), "two of them"
    assert set(region.pids()) == {f"shop-singleton-{JOB}-4"}


@pytest.mark.real
def test_one_that_was_replaced_is_not_started_again_and_one_that_was_killed_is(region: RealRegion) -> None:
    driver, name = _driver(region, command(region)), f"shop-singleton-{JOB}-3"
    driver.start_singleton("east", JOB, token(3))
    wait_until(lambda: driver.singleton("east", JOB).steady, "the job runs")
    before = region.pids()[name]
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: region.pids().get(name, before) != before, "started again by supervisor")
    wait_until(lambda: driver.singleton("east", JOB).steady, "the job runs again")
    (region.site.root / "replaced").touch()
    wait_until(lambda: driver.singleton("east", JOB).epoch is None, "it has ended")


@pytest.mark.real
def test_a_job_that_the_driver_does_not_know_is_refused_with_the_likely_one(region: RealRegion) -> None:
    driver = _driver(region, command(region))
    with pytest.raises(Refused, match="does not know the singleton 'outbx'") as refused:
        driver.start_singleton("east", "outbx", token(3))
    assert "outbox" in refused.value.next_step
    driver.stop_singleton("east", JOB, token(1))


@pytest.mark.real
def test_a_command_that_a_shell_could_read_is_refused(region: RealRegion) -> None:
    driver = _driver(region, "{python} 'a;b'")
    with pytest.raises(Rejected, match="holds 'a;b'"):
        driver.start_singleton("east", JOB, token(3))
    assert region.pids() == {}
