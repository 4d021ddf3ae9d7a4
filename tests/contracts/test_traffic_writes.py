"""The contract of routers that can serve reads alone, on memory and on a real Envoy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from tests.support import envoy as real_envoy
from tests.support.envoy import PREVIEW, SHARES, RealEdge, wait_until
from tidegate.drivers.metrics import envoy as envoy_metrics
from tidegate.drivers.token import Token
from tidegate.drivers.traffic import envoy
from tidegate.drivers.traffic.contract import HaltingTraffic, WritesState
from tidegate.drivers.traffic.memory import MemoryTraffic
from tidegate.errors import LeaseLost, Refused
from tidegate.model.admission import EVERYBODY, Admission
from tidegate.model.preview_arm import PreviewRoute
from tidegate.model.topology import Arm, Slot
from tidegate.model.traffic import canary_split
from tidegate.model.writes import Halt

SETTINGS = envoy.Settings(admin="conn://edge_admin", routes="lab/edge/routes.yaml", session_cookie="shop_session")
METRICS = envoy_metrics.Settings(admin="conn://edge_admin", access_log="lab/edge/access.log")
STABLE, SHIFTED = canary_split(SHARES, Slot.A, {}), canary_split(SHARES, Slot.A, {"east": 2500})
HALT = Halt(7)
READING, WRITING = ("GET", "HEAD", "OPTIONS"), ("POST", "PUT", "PATCH", "DELETE", "PROPFIND")


@dataclass
class Rig:
    """``ask``: whether a request of this method reaches an arm. ``epoch``: of the split, ``halted``: of the halt, as
    the test found them. ``lose``: the route file."""

    driver: HaltingTraffic
    rival: HaltingTraffic
    ask: Callable[[str], bool]
    kill: Callable[[], None]
    effects: Callable[[], int]
    lose: Callable[[], None]
    epoch: int
    halted: int

    def token(self, later: int = 0) -> Token:
        return Token(self.epoch + 1 + later, "failover")

    def halt(self, later: int = 0) -> Token:
        return Token(self.halted + 1 + later, "writes")

    def let_through(self) -> tuple[set[str], set[str]]:
        return {m for m in READING if self.ask(m)}, {m for m in WRITING if self.ask(m)}


ALL, READS = (set(READING), set(WRITING)), (set(READING), set[str]())


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealEdge]:
    with real_envoy.running(tmp_path_factory.mktemp("edge")) as running:
        yield running


def _memory() -> Rig:
    driver, dead = MemoryTraffic(), set[Arm]()
    driver.force(STABLE)
    driver.healthy = lambda arm: arm not in dead

    def kill() -> None:
        dead.update(arm for arm, _ in STABLE.weights)

    return Rig(driver, driver, driver.takes, kill, lambda: len(driver.world.effects), lambda: None, 0, 0)


def _real(edge: RealEdge) -> Rig:
    driver = envoy.connect(SETTINGS, edge.site)

    def ask(method: str) -> bool:
        status, headers = edge.headers("1.x", method)
        if status == 503:
            assert headers.get("retry-after") == str(HALT)
            assert "x-envoy-upstream-service-time" not in headers, "an instance was asked"
        return status != 503

    def kill() -> None:
        edge.make_unwell(*edge.upstreams)

    def effects() -> int:
        return len(driver.log.read_text().splitlines()) if driver.log.exists() else 0

    epochs = driver.observe().epoch, driver.observe_writes().epoch
    return Rig(driver, envoy.connect(SETTINGS, edge.site), ask, kill, effects, edge.edge.routes.unlink, *epochs)


@pytest.fixture(params=["memory", pytest.param("envoy", marks=pytest.mark.real)])
def rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    if request.param == "memory":
        yield _memory()
        return
    edge: RealEdge = request.getfixturevalue("edge")
    rig = _real(edge)
    yield rig
    edge.heal()
    rig.driver.halt_writes(None, Token(rig.driver.observe_writes().epoch + 1, "clean-up"))
    rig.driver.apply(STABLE, Token(rig.driver.observe().epoch + 1, "clean-up"))
    wait_until(lambda: rig.let_through() == ALL, "all is served again")


def test_reads_go_on_and_every_write_is_answered_by_the_router(rig: Rig) -> None:
    assert rig.let_through() == ALL
    before = rig.effects()
    rig.driver.halt_writes(HALT, rig.halt())

    assert rig.driver.observe_writes() == WritesState(rig.halt().epoch, HALT)
    assert rig.let_through() == READS
    rig.rival.halt_writes(HALT, rig.halt())
    assert rig.effects() == before + 1, "the same again is written"

    rig.driver.halt_writes(None, rig.halt(1))
    assert rig.let_through() == ALL
    assert rig.driver.observe_writes() == WritesState(rig.halt(1).epoch, None)


def test_routes_that_are_written_anew_keep_it(rig: Rig) -> None:
    rig.driver.halt_writes(HALT, rig.halt())
    rig.driver.apply(SHIFTED, rig.token(1000))  # epochs of its own: nobody who moves traffic is fenced, nor fences
    rig.driver.admit(STABLE, EVERYBODY, rig.token(1001))  # type: ignore[attr-defined]
    rig.driver.apply_preview(None, rig.token(1002))  # type: ignore[attr-defined]
    rig.lose()
    rig.rival.apply(SHIFTED, rig.token(1003))

    assert rig.driver.observe().split == SHIFTED
    assert rig.driver.observe_writes() == WritesState(rig.halt().epoch, HALT)
    assert rig.let_through() == READS
    rig.rival.halt_writes(None, rig.halt(1))
    assert (rig.driver.observe().split, rig.driver.observe().epoch) == (SHIFTED, rig.token(1003).epoch)


def test_who_stops_writes_late_is_refused_once_they_are_taken_again(rig: Rig) -> None:
    rig.rival.halt_writes(None, rig.halt(1))
    with pytest.raises(LeaseLost):
        rig.driver.halt_writes(HALT, rig.halt())
    assert rig.let_through() == ALL


def test_it_needs_no_instance(rig: Rig) -> None:
    rig.kill()
    rig.driver.halt_writes(HALT, rig.halt())
    assert rig.driver.observe_writes().halt == HALT


def test_a_router_without_routes_of_ours_is_left_alone() -> None:
    with pytest.raises(Refused, match="no split of ours"):
        MemoryTraffic().halt_writes(HALT, Token(1, "writes"))


@pytest.mark.real
def test_what_is_turned_away_counts_against_no_arm_and_no_preview_takes_it(edge: RealEdge) -> None:
    driver, metrics = envoy.connect(SETTINGS, edge.site), envoy_metrics.connect(METRICS, edge.site)
    writes, shown = driver.observe_writes().epoch + 1, driver.observe_preview().epoch + 1
    driver.apply_preview(PreviewRoute("x-preview", "1.1.0", PREVIEW), Token(shown, "preview"))
    driver.admit(STABLE, Admission(0, 3), Token(driver.observe().epoch + 1, "op"))
    driver.halt_writes(HALT, Token(writes, "writes"))
    assert edge.headers("1.x")[1]["retry-after"] == "3", "who is not admitted is told what admission says"
    driver.admit(STABLE, EVERYBODY, Token(driver.observe().epoch, "op"))

    cursor, before = edge.behind_all(metrics), metrics.counters()
    answers = [edge.get("/orders", "1.x", method, preview) for method in ("GET", "POST") for preview in (None, "1.1.0")]
    assert answers[1:] == [(200, PREVIEW.name), (503, ""), (503, "")]
    after = metrics.counters()

    wait_until(lambda: len(metrics.follow(cursor).observations) == 3, "all lines but the preview's")
    seen = metrics.follow(cursor)

    assert (after.refused - before.refused, after.errors) == (2, before.errors)
    assert seen.malformed == 0
    assert [(one.endpoint, one.refused, one.arm is None) for one in seen.observations if one.refused] == [
        ("checkout", True, True),
        ("checkout", True, True),
    ]
    driver.halt_writes(None, Token(writes, "writes"))
    driver.apply_preview(None, Token(shown, "preview"))
