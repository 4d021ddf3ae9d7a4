"""The contract of traffic drivers, on memory and on a real Envoy."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support import envoy as real_envoy
from tests.support.envoy import ARMS, SHARES, RealEdge, wait_until
from tidegate.drivers.credentials import Credential
from tidegate.drivers.site import Site
from tidegate.drivers.token import Token
from tidegate.drivers.traffic import envoy
from tidegate.drivers.traffic.contract import Traffic
from tidegate.drivers.traffic.memory import MemoryTraffic
from tidegate.errors import LeaseLost, NotSettled, Refused, TidegateError, Unreachable
from tidegate.model.topology import Arm, Slot
from tidegate.model.traffic import Split, canary_split

EAST_B, EAST_A, WEST_A, _ = ARMS


def split(candidate: int) -> Split:
    """East's candidate takes ``candidate`` basis points of its region."""
    return canary_split(SHARES, Slot.A, {"east": candidate})


STABLE = split(0)


@dataclass
class Rig:
    """One router under test. ``rival``: another actor's driver for the same router."""

    driver: Traffic
    rival: Traffic
    writes: Callable[[], int]
    kill: Callable[[Arm], None]
    unreachable: Traffic
    epoch: int = field(default=0)

    def token(self, later: int = 0) -> Token:
        """A token ``later`` epochs after the router's when the test began."""
        return Token(self.epoch + 1 + later, "op")


SETTINGS = envoy.Settings(admin="conn://edge_admin", routes="lab/edge/routes.yaml", session_cookie="shop_session")


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealEdge]:
    with real_envoy.running(tmp_path_factory.mktemp("edge")) as running:
        yield running


def _memory() -> Rig:
    driver, dead = MemoryTraffic(), set[Arm]()
    driver.force(STABLE)
    driver.healthy = lambda arm: arm not in dead
    gone = MemoryTraffic()
    gone.faults.unreachable = Unreachable("gone")
    return Rig(driver, driver, lambda: len(driver.world.effects), dead.add, gone)


def _nobody(site: Site) -> Site:
    (port,) = real_envoy.free_ports(1)
    return Site(site.service, SHARES, (), site.root, lambda name: Credential(name, "http", "127.0.0.1", port))


def _real(edge: RealEdge) -> Rig:
    driver = envoy.connect(SETTINGS, edge.site)

    def writes() -> int:
        return len(driver.log.read_text().splitlines()) if driver.log.exists() else 0

    unreachable = envoy.connect(SETTINGS, _nobody(edge.site))
    return Rig(
        driver, envoy.connect(SETTINGS, edge.site), writes, edge.make_unwell, unreachable, driver.observe().epoch
    )


@pytest.fixture(params=["memory", pytest.param("envoy", marks=pytest.mark.real)])
def rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    if request.param == "memory":
        yield _memory()
        return
    edge: RealEdge = request.getfixturevalue("edge")
    rig = _real(edge)
    yield rig
    edge.heal()
    rig.driver.apply(STABLE, Token(rig.driver.observe().epoch, "clean-up"))


def test_what_is_applied_is_what_the_router_says(rig: Rig) -> None:
    rig.driver.ping()
    rig.driver.apply(split(500), rig.token())

    state = rig.driver.observe()
    assert (state.epoch, state.split) == (rig.token().epoch, split(500))
    assert rig.driver.settled(split(500), rig.token())
    assert not rig.driver.settled(STABLE, rig.token())
    assert not rig.driver.settled(split(500), rig.token(1)), "settled for an epoch that was never written"


def test_the_same_again_writes_nothing(rig: Rig) -> None:
    rig.driver.apply(split(500), rig.token())
    before = rig.writes()
    rig.driver.apply(split(500), rig.token())
    rig.rival.apply(split(500), rig.token())

    assert rig.writes() == before
    rig.driver.apply(split(500), rig.token(1))
    assert rig.writes() == before + 1, "a newer epoch of the same split must be written: it fences the older"


def test_a_smaller_epoch_is_refused_and_changes_nothing(rig: Rig) -> None:
    rig.rival.apply(STABLE, rig.token(1))
    before = rig.writes()

    with pytest.raises(LeaseLost):
        rig.driver.apply(split(2500), rig.token())

    assert rig.driver.observe().split == STABLE
    assert rig.writes() == before
    rig.driver.apply(split(2500), rig.token(2))
    assert rig.driver.observe().split == split(2500), "a newer epoch must be taken"


def test_of_concurrent_writers_the_newest_epoch_is_in_force(rig: Rig) -> None:
    """Each writer goes on until it has written its last or is refused; whatever the interleaving, nobody's write may
    land on top of a newer epoch."""
    lost: list[int] = []

    def write(driver: Traffic, later: int) -> None:
        for candidate in (100, 200, 300, 400, 500):
            try:
                driver.apply(split(candidate + later), rig.token(later))
            except LeaseLost:
                lost.append(later)
                return

    writers = [
        threading.Thread(target=write, args=(rig.driver, 0)),
        threading.Thread(target=write, args=(rig.rival, 1)),
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(30)

    state = rig.driver.observe()
    assert (state.epoch, state.split) == (rig.token(1).epoch, split(501))
    assert 1 not in lost, "the newer of the two was refused"


def test_never_more_to_an_arm_without_a_healthy_target(rig: Rig) -> None:
    rig.kill(EAST_B)
    before = rig.writes()

    with pytest.raises(Refused, match="east-b"):
        rig.driver.apply(split(500), rig.token())

    assert rig.driver.observe().split == STABLE
    assert rig.writes() == before


def test_a_dead_arm_elsewhere_does_not_stop_a_stop_loss(rig: Rig) -> None:
    rig.driver.apply(split(500), rig.token())
    rig.kill(WEST_A)

    rig.driver.apply(STABLE, rig.token(1))

    assert rig.driver.observe().split == STABLE


def test_never_to_nothing_at_all(rig: Rig) -> None:
    rig.kill(EAST_A)
    rig.kill(WEST_A)

    with pytest.raises(Refused, match="no arm"):
        rig.driver.apply(STABLE, rig.token())


def test_a_router_that_does_not_answer_is_unreachable(rig: Rig) -> None:
    for call in (
        rig.unreachable.ping,
        rig.unreachable.observe,
        lambda: rig.unreachable.apply(split(500), rig.token()),
    ):
        with pytest.raises(Unreachable):
            call()
    assert rig.driver.observe().split == STABLE


# What only the real one can show.


@pytest.mark.real
def test_sessions_stick_and_go_back_last_in_first_out(edge: RealEdge) -> None:
    driver = envoy.connect(SETTINGS, edge.site)
    token = Token(driver.observe().epoch + 1, "op")
    sessions = [f"{n:04x}.secret" for n in range(100)]

    def on_candidate(weight: int) -> set[str]:
        driver.apply(split(weight), token)
        first = {s for s in sessions if edge.get(cookie=s)[1] == EAST_B.name}
        some = sessions[::5]
        again = {s for s in some if edge.get(cookie=s)[1] == EAST_B.name}
        assert again == first & set(some), f"sessions moved at a standing weight of {weight}"
        return first

    up = [on_candidate(weight) for weight in (1000, 4000, 10_000)]
    down = [on_candidate(weight) for weight in (4000, 1000, 0)]

    assert 0 < len(up[0]) < len(up[1]) < len(up[2]) < len(sessions)
    assert up[0] < up[1] < up[2], "a session left the candidate while it grew"
    assert down == [up[1], up[0], set()], "the way back is not the way there"


@pytest.mark.real
def test_twenty_flips_under_load_fail_no_request(edge: RealEdge) -> None:
    driver = envoy.connect(SETTINGS.model_copy(update={"settle_seconds": 30, "lock_seconds": 30}), edge.site)
    wait_until(lambda: all(edge.get(cookie=f"{n}.x")[0] == 200 for n in range(4)), "served after earlier tests")
    token = Token(driver.observe().epoch + 1, "op")
    stop, answers = threading.Event(), []

    def load(user: int) -> None:
        while not stop.is_set():
            answers.append(edge.get(cookie=f"{user}.x", method="POST" if user % 2 else "GET")[0])

    users = [threading.Thread(target=load, args=(n,)) for n in range(4)]
    for user in users:
        user.start()
    try:
        for flip in range(20):
            before = len(answers)
            driver.apply(split(5000 if flip % 2 == 0 else 0), token)
            wait_until(lambda before=before: len(answers) >= before + 3, "a few answers between two flips", 30)
    finally:
        stop.set()
        for user in users:
            user.join(10)

    assert len(answers) > 50, f"only {len(answers)} requests: no load to speak of"
    assert set(answers) == {200}, f"{sum(a != 200 for a in answers)} of {len(answers)} failed"


@pytest.mark.real
def test_each_write_is_a_line_in_the_routers_own_log(edge: RealEdge) -> None:
    driver = envoy.connect(SETTINGS, edge.site)
    token = Token(driver.observe().epoch + 1, "promotion-7")
    driver.apply(split(500), token)

    last = json.loads(driver.log.read_text().splitlines()[-1])

    assert (last["epoch"], last["split"], last["operation"]) == (token.epoch, str(split(500)), "promotion-7")
    driver.apply(STABLE, token)


@pytest.mark.real
def test_a_router_that_does_not_take_the_file_is_not_settled(edge: RealEdge, tmp_path: Path) -> None:
    """The driver writes to a file that this Envoy does not watch."""
    (tmp_path / "lab" / "edge").mkdir(parents=True)
    site = Site("shop", SHARES, (), tmp_path, edge.site.resolve)
    driver = envoy.connect(SETTINGS.model_copy(update={"settle_seconds": 0.2}), site)

    with pytest.raises(NotSettled):
        driver.apply(split(500), Token(driver.observe().epoch + 1, "op"))


@pytest.mark.real
def test_a_deleted_route_file_fences_all_the_same(edge: RealEdge, tmp_path: Path) -> None:
    """The driver looks for its file where there is none; the router has a newer epoch in force."""
    (tmp_path / "lab" / "edge").mkdir(parents=True)
    driver = envoy.connect(SETTINGS, Site("shop", SHARES, (), tmp_path, edge.site.resolve))
    in_force = driver.observe().epoch
    if not in_force:
        envoy.connect(SETTINGS, edge.site).apply(STABLE, Token(in_force := 1, "op"))

    with pytest.raises(LeaseLost):
        driver.apply(split(500), Token(in_force - 1, "op"))

    assert not (tmp_path / "lab" / "edge" / "routes.yaml").exists()


@pytest.mark.real
def test_a_route_file_that_is_not_ours_is_left_alone(edge: RealEdge) -> None:
    text = edge.edge.routes.read_text()
    try:
        edge.edge.routes.write_text('{"resources": []}')
        with pytest.raises(Refused, match="does not say which epoch"):
            envoy.connect(SETTINGS, edge.site).apply(split(500), Token(10**6, "op"))
        assert edge.edge.routes.read_text() == '{"resources": []}'
    finally:
        edge.edge.routes.write_text(text)


def test_a_memory_router_fails_before_or_after_as_the_error_says() -> None:
    driver = MemoryTraffic()
    driver.faults.fail_next = Unreachable("not sent")
    with pytest.raises(Unreachable):
        driver.apply(STABLE, Token(1, "op"))
    assert driver.world.effects == []

    driver.faults.fail_next = NotSettled("sent")
    with pytest.raises(TidegateError):
        driver.apply(STABLE, Token(1, "op"))
    assert len(driver.world.effects) == 1
