"""The contract of routers that can send one endpoint class to another region, on memory and on a real Envoy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from tests.support import envoy as real_envoy
from tests.support.envoy import ENDPOINTS, PREVIEW, SHARES, RealEdge, wait_until
from tidegate.drivers.metrics import envoy as envoy_metrics
from tidegate.drivers.token import Token
from tidegate.drivers.traffic import envoy
from tidegate.drivers.traffic.contract import DetouringTraffic, DetourState
from tidegate.drivers.traffic.memory import MemoryTraffic
from tidegate.errors import LeaseLost, Refused
from tidegate.model.admission import EVERYBODY, Admission
from tidegate.model.detour import Detour, detoured
from tidegate.model.preview_arm import PreviewRoute
from tidegate.model.topology import Arm, Slot
from tidegate.model.traffic import OTHER, canary_split
from tidegate.model.writes import Halt

SETTINGS = envoy.Settings(admin="conn://edge_admin", routes="lab/edge/routes.yaml", session_cookie="shop_session")
METRICS = envoy_metrics.Settings(admin="conn://edge_admin", access_log="lab/edge/access.log")
STABLE = canary_split(SHARES, Slot.A, {})
CANARY = canary_split(SHARES, Slot.A, {"west": 2500})
ALL_EAST = canary_split({"east": 10_000, "west": 0}, Slot.A, {})
WEST = (Detour("checkout", "west"),)
SESSIONS = tuple(f"s{number}.x" for number in range(40))
ASKED = {"checkout": ("POST", "/orders"), "browse": ("GET", "/orders")}


@dataclass
class Rig:
    """``where``: the arms that answer requests of a class, over many sessions. ``epoch``: of the split, ``last``: of
    the detours, as the test found them. ``lose``: the route file."""

    driver: DetouringTraffic
    rival: DetouringTraffic
    where: Callable[[str], set[str]]
    kill: Callable[[str], None]
    effects: Callable[[], int]
    lose: Callable[[], None]
    epoch: int
    last: int

    def token(self, later: int = 0) -> Token:
        return Token(self.epoch + 1 + later, "op")

    def of_its_own(self, later: int = 0) -> Token:
        return Token(self.last + 1 + later, "detours")


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealEdge]:
    with real_envoy.running(tmp_path_factory.mktemp("edge")) as running:
        yield running


def _memory() -> Rig:
    driver, dead = MemoryTraffic(endpoints=ENDPOINTS), set[Arm]()
    driver.force(STABLE)
    driver.healthy = lambda arm: arm not in dead

    def kill(region: str) -> None:
        dead.update(arm for arm, _ in STABLE.weights if arm.region == region)

    def where(endpoint: str) -> set[str]:
        return {driver.route(session, endpoint=endpoint).name for session in SESSIONS}

    return Rig(driver, driver, where, kill, lambda: len(driver.world.effects), lambda: None, 0, 0)


def _real(edge: RealEdge) -> Rig:
    driver = envoy.connect(SETTINGS, edge.site)

    def kill(region: str) -> None:
        edge.make_unwell(*(arm for arm in edge.upstreams if arm.region == region))

    def where(endpoint: str) -> set[str]:
        method, path = ASKED[endpoint]
        return {edge.get(path, session, method)[1] for session in SESSIONS}

    def effects() -> int:
        return len(driver.log.read_text().splitlines()) if driver.log.exists() else 0

    epochs = driver.observe().epoch, driver.observe_detours().epoch
    return Rig(driver, envoy.connect(SETTINGS, edge.site), where, kill, effects, edge.edge.routes.unlink, *epochs)


@pytest.fixture(params=["memory", pytest.param("envoy", marks=pytest.mark.real)])
def rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    if request.param == "memory":
        yield _memory()
        return
    edge: RealEdge = request.getfixturevalue("edge")
    rig = _real(edge)
    yield rig
    edge.heal()
    rig.driver.detour((), Token(rig.driver.observe_detours().epoch + 1, "clean-up"))
    rig.driver.apply(STABLE, Token(rig.driver.observe().epoch + 1, "clean-up"))
    wait_until(lambda: rig.where("checkout") == BOTH, "all is as it was")


BOTH = {"east-a", "west-a"}


def test_only_its_route_moves_and_comes_home(rig: Rig) -> None:
    assert rig.where("checkout") == BOTH
    before = rig.effects()
    rig.driver.detour(WEST, rig.of_its_own())

    assert rig.driver.observe_detours() == DetourState(rig.of_its_own().epoch, WEST)
    assert (rig.where("checkout"), rig.where("browse")) == ({"west-a"}, BOTH)
    rig.rival.detour(WEST, rig.of_its_own())
    assert rig.effects() == before + 1, "the same again is written"

    rig.driver.detour((), rig.of_its_own(1))
    assert (rig.where("checkout"), rig.where("browse")) == (BOTH, BOTH)
    assert rig.driver.observe_detours() == DetourState(rig.of_its_own(1).epoch)


def test_routes_that_are_written_anew_keep_it(rig: Rig) -> None:
    rig.driver.detour(WEST, rig.of_its_own())
    rig.driver.apply(CANARY, rig.token())  # an epoch of its own: nobody who moves traffic is fenced, nor fences
    assert (rig.where("checkout"), rig.where("browse")) == ({"west-a", "west-b"}, {*BOTH, "west-b"})
    rig.lose()
    rig.rival.apply(STABLE, rig.token(1))

    assert rig.driver.observe_detours() == DetourState(rig.of_its_own().epoch, WEST)
    assert (rig.where("checkout"), rig.where("browse")) == ({"west-a"}, BOTH)
    assert (rig.driver.observe().split, rig.driver.observe().epoch) == (STABLE, rig.token(1).epoch)


def test_a_service_that_has_left_the_region_sends_nothing_there(rig: Rig) -> None:
    rig.driver.detour(WEST, rig.of_its_own())
    rig.driver.apply(ALL_EAST, rig.token())
    assert (rig.where("checkout"), rig.where("browse")) == ({"east-a"}, {"east-a"})


def test_who_sets_it_late_is_refused_once_it_is_lifted(rig: Rig) -> None:
    rig.rival.detour((), rig.of_its_own(1))
    with pytest.raises(LeaseLost):
        rig.driver.detour(WEST, rig.of_its_own())
    assert rig.where("checkout") == BOTH


def test_nobody_is_sent_to_a_region_that_answers_nothing(rig: Rig) -> None:
    rig.kill("west")
    before = rig.effects()
    with pytest.raises(Refused, match="no healthy target in west"):
        rig.driver.detour(WEST, rig.of_its_own())
    assert rig.effects() == before


def test_one_can_be_lifted_while_another_leads_where_nobody_answers(rig: Rig) -> None:
    east = Detour("browse", "east")
    rig.driver.detour((*WEST, east), rig.of_its_own())
    rig.kill("west")
    rig.driver.detour(WEST, rig.of_its_own(1))
    assert rig.driver.observe_detours().detours == WEST
    with pytest.raises(Refused, match="no healthy target in west"):
        rig.driver.detour((*WEST, Detour("browse", "west")), rig.of_its_own(2))


@pytest.mark.parametrize(
    ("detour", "words"),
    [
        (Detour("chekout", "west"), "no endpoint class 'chekout'"),
        (Detour("checkout", "north"), "north takes no traffic"),
    ],
)
def test_what_the_router_does_not_know_is_refused(rig: Rig, detour: Detour, words: str) -> None:
    with pytest.raises(Refused, match=words):
        rig.driver.detour((detour,), rig.of_its_own())


def test_a_router_without_routes_of_ours_is_left_alone() -> None:
    with pytest.raises(Refused, match="no split of ours"):
        MemoryTraffic().detour(WEST, Token(1, "detours"))


@pytest.mark.real
def test_it_stands_beside_whatever_else_stands_beside_the_split(edge: RealEdge) -> None:
    """And each line of the log says the split that its own request had."""
    driver, metrics = envoy.connect(SETTINGS, edge.site), envoy_metrics.connect(METRICS, edge.site)
    last, shown = driver.observe_detours().epoch + 1, driver.observe_preview().epoch + 1
    halted = driver.observe_writes().epoch + 1
    driver.apply_preview(PreviewRoute("x-preview", "1.1.0", PREVIEW), Token(shown, "preview"))
    driver.detour((*WEST, Detour(OTHER, "east")), Token(last, "detours"))
    cursor = edge.behind_all(metrics)
    try:
        assert edge.get("/orders", "s1.x", "POST", "1.1.0") == (200, PREVIEW.name)
        edge.get("/orders", "detoured.x", "POST")
        edge.get("/orders", "straight.x", "GET")

        def lines() -> dict[str | None, tuple[str, bool]]:
            found = metrics.follow(cursor).observations
            return {one.session: (one.endpoint, one.split == detoured(STABLE, "west")) for one in found}

        wait_until(lambda: {"detoured", "straight"} <= set(lines()), "both in the log")
        assert (lines()["detoured"], lines()["straight"]) == (("checkout", True), ("browse", False))
        assert metrics.follow(cursor).malformed == 0

        driver.halt_writes(Halt(7), Token(halted, "writes"))
        driver.admit(STABLE, Admission(0, 3), Token(driver.observe().epoch + 1, "op"))
        assert edge.headers("1.x", "POST")[1]["retry-after"] == "7"
        assert edge.headers("1.x", "GET")[1]["retry-after"] == "3"
        assert driver.observe_detours() == DetourState(last, (*WEST, Detour(OTHER, "east")))
    finally:
        driver.admit(STABLE, EVERYBODY, Token(driver.observe().epoch + 1, "op"))
        driver.halt_writes(None, Token(halted, "writes"))
        driver.apply_preview(None, Token(shown, "preview"))
        driver.detour((), Token(last + 1, "detours"))
