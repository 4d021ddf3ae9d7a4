"""The contract of routers that can turn a part of the sessions away, on memory and on a real Envoy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from tests.support import envoy as real_envoy
from tests.support.envoy import PREVIEW, SHARES, RealEdge, wait_until
from tidegate.drivers.metrics import envoy as envoy_metrics
from tidegate.drivers.token import Token
from tidegate.drivers.traffic import envoy
from tidegate.drivers.traffic.contract import AdmittingTraffic, RouteState
from tidegate.drivers.traffic.memory import MemoryTraffic
from tidegate.errors import LeaseLost, Refused
from tidegate.model.admission import EVERYBODY, Admission
from tidegate.model.preview_arm import PreviewRoute
from tidegate.model.topology import Arm, Slot
from tidegate.model.traffic import Split, canary_split

SETTINGS = envoy.Settings(admin="conn://edge_admin", routes="lab/edge/routes.yaml", session_cookie="shop_session")
METRICS = envoy_metrics.Settings(admin="conn://edge_admin", access_log="lab/edge/access.log")
SESSIONS = tuple(f"{n:04x}.secret" for n in range(80))
HALF, MORE, NOBODY = Admission(5000, 5), Admission(8000, 5), Admission(0, 5)


def split(candidate: int) -> Split:
    return canary_split(SHARES, Slot.A, {"east": candidate})


STABLE = split(0)
WEST = canary_split({"east": 0, "west": 10_000}, Slot.A, {})


@dataclass
class Rig:
    """``ask``: the arm that answers a session, None if it is turned away. ``kill``: no healthy target in that arm."""

    driver: AdmittingTraffic
    rival: AdmittingTraffic
    ask: Callable[[str], str | None]
    kill: Callable[[Arm], None]
    writes: Callable[[], int]
    epoch: int = 0

    def token(self, later: int = 0) -> Token:
        return Token(self.epoch + 1 + later, "failover")

    def served(self) -> dict[str, str | None]:
        return {session: self.ask(session) for session in SESSIONS}

    def admitted(self) -> set[str]:
        return {session for session, arm in self.served().items() if arm}


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealEdge]:
    with real_envoy.running(tmp_path_factory.mktemp("edge")) as running:
        yield running


def _memory() -> Rig:
    driver, dead = MemoryTraffic(), set[Arm]()
    driver.force(STABLE)
    driver.healthy = lambda arm: arm not in dead

    def ask(session: str) -> str | None:
        return driver.route(session).name if driver.admits(session) else None

    return Rig(driver, driver, ask, dead.add, lambda: len(driver.world.effects))


def _real(edge: RealEdge) -> Rig:
    driver = envoy.connect(SETTINGS, edge.site)

    def ask(session: str) -> str | None:
        status, body = edge.get(cookie=session)
        assert status in (200, 503)
        return body if status == 200 else None

    def writes() -> int:
        return len(driver.log.read_text().splitlines()) if driver.log.exists() else 0

    return Rig(driver, envoy.connect(SETTINGS, edge.site), ask, edge.make_unwell, writes, driver.observe().epoch)


@pytest.fixture(params=["memory", pytest.param("envoy", marks=pytest.mark.real)])
def rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    if request.param == "memory":
        yield _memory()
        return
    edge: RealEdge = request.getfixturevalue("edge")
    rig = _real(edge)
    yield rig
    edge.heal()
    rig.driver.admit(STABLE, EVERYBODY, Token(rig.driver.observe().epoch, "clean-up"))
    wait_until(lambda: rig.admitted() == set(SESSIONS), "served again")


def test_one_write_makes_split_and_admission(rig: Rig) -> None:
    assert rig.driver.observe().admission == EVERYBODY
    before = rig.writes()
    rig.driver.admit(WEST, HALF, rig.token())

    assert rig.driver.observe() == RouteState(rig.token().epoch, WEST, HALF)
    assert rig.driver.settled(WEST, rig.token())
    rig.driver.admit(WEST, HALF, rig.token())
    rig.rival.admit(WEST, HALF, rig.token())
    assert rig.writes() == before + 1, "the same again is written"


def test_the_same_sessions_are_served_and_more_of_them_as_the_part_grows(rig: Rig) -> None:
    seen = []
    for admission in (HALF, HALF, MORE):
        rig.driver.admit(STABLE, admission, rig.token())
        seen.append(rig.admitted())
    rig.driver.admit(STABLE, EVERYBODY, rig.token())

    assert seen[0] == seen[1], "a session was served and refused by turns"
    assert seen[0] < seen[2] < set(SESSIONS), "a session was turned away while more were admitted"
    assert 20 < len(seen[0]) < 60
    assert rig.admitted() == set(SESSIONS)


def test_no_session_changes_its_arm_while_more_are_admitted(rig: Rig) -> None:
    rig.driver.admit(split(4000), HALF, rig.token())
    first = rig.served()
    rig.driver.admit(split(4000), MORE, rig.token())
    then = rig.served()
    assert {arm for arm in first.values() if arm} == {"east-b", "east-a", "west-a"}
    assert all(then[session] == arm for session, arm in first.items() if arm)


def test_a_shift_leaves_the_admission_as_it_is(rig: Rig) -> None:
    rig.driver.admit(STABLE, HALF, rig.token())
    rig.rival.apply(WEST, rig.token(1))
    assert rig.driver.observe() == RouteState(rig.token(1).epoch, WEST, HALF)


def test_a_smaller_epoch_is_refused_and_changes_nothing(rig: Rig) -> None:
    rig.rival.admit(STABLE, HALF, rig.token(1))
    before = rig.writes()
    with pytest.raises(LeaseLost):
        rig.driver.admit(WEST, EVERYBODY, rig.token())
    assert (rig.driver.observe().admission, rig.writes()) == (HALF, before)


def test_nobody_is_admitted_only_where_that_was_said(rig: Rig) -> None:
    rig.driver.admit(STABLE, NOBODY, rig.token())
    assert rig.admitted() == set()
    assert rig.driver.observe().admission == NOBODY


def test_never_to_an_arm_without_a_healthy_target(rig: Rig) -> None:
    rig.kill(Arm("west", Slot.A))
    for admission in (HALF, NOBODY):
        with pytest.raises(Refused, match="west-a"):
            rig.driver.admit(WEST, admission, rig.token())
    assert rig.driver.observe() == RouteState(rig.epoch, STABLE, EVERYBODY)


@pytest.mark.real
def test_who_is_turned_away_is_told_when_to_come_again_and_counts_against_no_arm(edge: RealEdge) -> None:
    driver, metrics = envoy.connect(SETTINGS, edge.site), envoy_metrics.connect(METRICS, edge.site)
    token, cursor = Token(driver.observe().epoch + 1, "op"), edge.behind_all(metrics)
    before = metrics.counters()
    driver.admit(WEST, HALF, token)
    answers = [edge.headers(session) for session in SESSIONS]
    refused = [headers for status, headers in answers if status == 503]
    after = metrics.counters()

    assert 20 < len(refused) < 60
    assert {headers.get("retry-after") for headers in refused} == {"5"}
    assert not any("retry-after" in headers for status, headers in answers if status == 200)
    assert after.refused - before.refused == len(refused)
    assert after.errors == before.errors
    wait_until(lambda: len(metrics.follow(cursor).observations) >= len(SESSIONS), "all lines are written")
    seen = metrics.follow(cursor)
    assert seen.malformed == 0
    assert sum(one.refused for one in seen.observations) == len(refused)
    assert all((one.arm is None) is one.refused for one in seen.observations)
    driver.admit(STABLE, EVERYBODY, token)


@pytest.mark.real
def test_a_preview_is_shown_to_who_asks_for_it_all_the_same(edge: RealEdge) -> None:
    driver = envoy.connect(SETTINGS, edge.site)
    route = PreviewRoute("x-preview", "1.1.0", PREVIEW)
    driver.admit(STABLE, NOBODY, Token(driver.observe().epoch + 1, "op"))
    driver.apply_preview(route, Token(driver.observe_preview().epoch + 1, "preview"))
    assert driver.observe().admission == NOBODY, "a preview's write admits somebody"
    assert edge.get(cookie=SESSIONS[0], preview="1.1.0") == (200, PREVIEW.name)
    driver.apply_preview(None, Token(driver.observe_preview().epoch, "preview"))
    driver.admit(STABLE, EVERYBODY, Token(driver.observe().epoch, "op"))
