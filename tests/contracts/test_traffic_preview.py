"""The contract of routers that show a preview, on memory and on a real Envoy: the split and the preview's route stand
beside each other, and neither write moves the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from tests.support import envoy as real_envoy
from tests.support.envoy import ENDPOINTS, PREVIEW, SHARES, RealEdge, wait_until
from tidegate.drivers.metrics import envoy as envoy_metrics
from tidegate.drivers.token import Token
from tidegate.drivers.traffic import envoy
from tidegate.drivers.traffic.contract import PreviewingTraffic, PreviewState
from tidegate.drivers.traffic.memory import MemoryTraffic
from tidegate.errors import LeaseLost, Refused
from tidegate.model.preview_arm import PreviewRoute
from tidegate.model.topology import Arm, Slot
from tidegate.model.traffic import Split, canary_split

SETTINGS = envoy.Settings(admin="conn://edge_admin", routes="lab/edge/routes.yaml", session_cookie="shop_session")
ROUTE = PreviewRoute("x-preview", "1.1.0", PREVIEW)


def split(candidate: int) -> Split:
    return canary_split(SHARES, Slot.A, {"east": candidate})


@dataclass
class Rig:
    """``ask``: which arm answers a request with this value of the header, None without it. ``epoch``, ``shown``: the
    router's when the test began."""

    driver: PreviewingTraffic
    ask: Callable[[str | None], str]
    health: Callable[[Arm, bool], None]
    epoch: int
    shown: int

    def token(self, later: int = 0) -> Token:
        return Token(self.epoch + 1 + later, "promotion")

    def preview(self, later: int = 0) -> Token:
        return Token(self.shown + 1 + later, "preview")


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealEdge]:
    with real_envoy.running(tmp_path_factory.mktemp("edge")) as running:
        yield running


def _memory() -> Rig:
    driver, dead = MemoryTraffic(), set[Arm]()
    driver.force(split(0))
    driver.healthy = lambda arm: arm not in dead

    def health(arm: Arm, well: bool) -> None:
        (dead.discard if well else dead.add)(arm)

    return Rig(driver, lambda v: driver.route("s", {"x-preview": v} if v else {}).name, health, 0, 0)


def _real(edge: RealEdge) -> Rig:
    driver = envoy.connect(SETTINGS, edge.site)

    def health(arm: Arm, well: bool) -> None:
        edge.upstreams[arm].healthy = well
        wait_until(lambda: edge.healthy(arm) is well, f"{arm} healthy in Envoy's eyes: {well}")

    def ask(value: str | None) -> str:
        status, body = edge.get(cookie="1.x", preview=value)
        return body if status == 200 else str(status)

    return Rig(driver, ask, health, driver.observe().epoch, driver.observe_preview().epoch)


@pytest.fixture(params=["memory", pytest.param("envoy", marks=pytest.mark.real)])
def rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    rig = _memory() if request.param == "memory" else _real(request.getfixturevalue("edge"))
    yield rig
    rig.health(PREVIEW, True)
    rig.driver.apply_preview(None, Token(rig.driver.observe_preview().epoch + 1, "clean-up"))
    rig.driver.apply(split(0), Token(rig.driver.observe().epoch + 1, "clean-up"))


def test_only_the_exact_header_leads_to_the_preview(rig: Rig) -> None:
    assert rig.ask("1.1.0") != PREVIEW.name, "there is no preview yet"
    rig.driver.apply_preview(ROUTE, rig.preview())

    assert rig.driver.observe_preview() == PreviewState(rig.preview().epoch, ROUTE)
    assert rig.ask("1.1.0") == PREVIEW.name
    for other in (None, "1.1", "1.1.0-rc", "1.2.0"):
        assert rig.ask(other) in ("east-a", "west-a"), other


def test_a_split_that_is_written_later_keeps_the_preview(rig: Rig) -> None:
    rig.driver.apply_preview(ROUTE, rig.preview())
    for later, weight in enumerate((500, 10_000, 0)):
        rig.driver.apply(split(weight), rig.token(later))

        assert rig.driver.observe().split == split(weight)
        assert rig.driver.observe_preview() == PreviewState(rig.preview().epoch, ROUTE)
        assert rig.ask("1.1.0") == PREVIEW.name


def test_a_withdrawal_leaves_the_split_and_its_epoch_as_they_were(rig: Rig) -> None:
    rig.driver.apply_preview(ROUTE, rig.preview())
    rig.driver.apply(split(2500), rig.token())
    before = rig.driver.observe()

    rig.driver.apply_preview(None, rig.preview(1))

    assert rig.driver.observe() == before
    assert rig.driver.observe_preview() == PreviewState(rig.preview(1).epoch, None)
    assert rig.ask("1.1.0") != PREVIEW.name
    rig.driver.apply(split(5000), rig.token())  # at the very epoch that was in force before


def test_who_opened_it_late_is_refused_after_the_withdrawal(rig: Rig) -> None:
    rig.driver.apply_preview(None, rig.preview(1))
    rig.driver.apply(split(500), rig.token())

    with pytest.raises(LeaseLost):
        rig.driver.apply_preview(ROUTE, rig.preview())

    assert rig.driver.observe_preview().route is None


def test_a_preview_write_fences_no_promotion(rig: Rig) -> None:
    """The two count epochs of their own: however high the one, the other goes on."""
    rig.driver.apply_preview(ROUTE, rig.preview(1000))
    rig.driver.apply(split(500), rig.token())
    rig.driver.apply(split(0), rig.token(2000))
    rig.driver.apply_preview(None, rig.preview(1001))

    assert rig.driver.observe().split == split(0)


def test_nobody_is_told_of_a_preview_that_answers_nothing(rig: Rig) -> None:
    rig.health(PREVIEW, False)
    with pytest.raises(Refused, match="east-p"):
        rig.driver.apply_preview(ROUTE, rig.preview())
    assert rig.driver.observe_preview().route is None


def test_a_dead_preview_stops_no_split(rig: Rig) -> None:
    rig.driver.apply_preview(ROUTE, rig.preview())
    rig.health(PREVIEW, False)

    rig.driver.apply(split(500), rig.token())

    assert rig.driver.observe().split == split(500)
    rig.driver.apply_preview(None, rig.preview(1))


def test_no_split_can_give_a_preview_a_weight() -> None:
    with pytest.raises(ValueError, match="preview arm"):
        Split(((PREVIEW, 0), (Arm("east", Slot.A), 10_000)))


@pytest.mark.real
def test_a_dead_preview_is_answered_503_to_those_alone_who_ask_for_it(edge: RealEdge) -> None:
    rig = _real(edge)
    rig.driver.apply_preview(ROUTE, rig.preview())
    rig.health(PREVIEW, False)

    wait_until(lambda: rig.ask("1.1.0") == "503", "503: Envoy's workers hear of it a moment after its counters")
    assert {rig.ask(None) for _ in range(5)} <= {"east-a", "west-a"}

    rig.health(PREVIEW, True)
    rig.driver.apply_preview(None, rig.preview(1))


@pytest.mark.real
def test_an_instance_that_the_router_has_not_seen_yet_is_waited_for(edge: RealEdge) -> None:
    """Whoever started it knows of it before the router's next health check does."""
    rig = _real(edge)
    rig.health(PREVIEW, False)
    edge.upstreams[PREVIEW].healthy = True
    driver = envoy.connect(SETTINGS.model_copy(update={"settle_seconds": 30}), edge.site)
    driver.apply_preview(ROUTE, rig.preview())
    assert driver.observe_preview().route == ROUTE
    driver.apply_preview(None, rig.preview(1))


@pytest.mark.real
def test_what_asked_for_a_preview_is_counted_in_no_arm(edge: RealEdge) -> None:
    """Neither as an observation nor as a line that is not understood, which would blind the judge."""
    rig = _real(edge)
    metrics = envoy_metrics.connect(
        envoy_metrics.Settings(admin="conn://edge_admin", access_log="lab/edge/access.log"), edge.site
    )
    assert edge.site.endpoints == ENDPOINTS
    rig.driver.apply_preview(ROUTE, rig.preview())
    cursor = edge.behind_all(metrics)
    logged = len(edge.lines())
    edge.upstreams[PREVIEW].status = 500
    try:
        for value in ("1.1.0", None, "1.1.0", None, "1.1.0"):
            edge.get(cookie="1.x", preview=value)
        wait_until(lambda: len(edge.lines()) == logged + 5, "five lines")
        batch = metrics.follow(cursor)
    finally:
        edge.upstreams[PREVIEW].status = 200
        rig.driver.apply_preview(None, rig.preview(1))

    assert [o.status for o in batch.observations] == [200, 200], "the preview's 500s are nobody's"
    assert (batch.malformed, batch.sample) == (0, "")
    assert PREVIEW not in metrics.counters().healthy
