"""The contract of metrics drivers, on memory, on a log file, and on the log of a real Envoy."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support import envoy as real_envoy
from tests.support.edge_log import ROUTE, line
from tests.support.envoy import ENDPOINTS, SHARES, RealEdge, free_ports, wait_until
from tidegate.drivers.credentials import Credential
from tidegate.drivers.metrics import _tail, envoy
from tidegate.drivers.metrics.contract import Metrics
from tidegate.drivers.metrics.memory import MemoryMetrics
from tidegate.drivers.site import Site
from tidegate.drivers.token import Token
from tidegate.drivers.traffic import envoy as traffic
from tidegate.errors import Refused, Unreachable
from tidegate.model.observation import Observation
from tidegate.model.topology import Arm, Slot
from tidegate.model.traffic import Split, canary_split

EAST_A = Arm("east", Slot.A)
SETTINGS = envoy.Settings(admin="conn://edge_admin", access_log="lab/edge/access.log")


@dataclass
class Rig:
    """One source under test. ``serve`` lets one session make one request; ``garble`` spoils a line."""

    driver: Metrics
    serve: Callable[[str], None]
    garble: Callable[[], None]
    unreachable: Metrics


def _site(root: Path, port: int) -> Site:
    return Site("shop", SHARES, ENDPOINTS, root, lambda name: Credential(name, "http", "127.0.0.1", port))


def _memory() -> Rig:
    driver = MemoryMetrics()
    split = Split.parse(ROUTE.partition(";")[2])

    def serve(session: str) -> None:
        driver.push([Observation(time.time(), EAST_A, session, "browse", 200, 1.0, 7, split)])

    gone = MemoryMetrics()
    gone.faults.unreachable = Unreachable("gone")
    return Rig(driver, serve, lambda: driver.push_malformed("{"), gone)


def _file(tmp_path: Path) -> Rig:
    (tmp_path / "lab" / "edge").mkdir(parents=True)
    log = tmp_path / "lab" / "edge" / "access.log"
    log.touch()
    site = _site(tmp_path, free_ports(1)[0])

    def write(text: bytes) -> None:
        with log.open("ab") as stream:
            stream.write(text + b"\n")

    nowhere = envoy.connect(envoy.Settings(admin="conn://x", access_log="no/such.log"), site)
    return Rig(
        envoy.connect(SETTINGS, site), lambda session: write(line(session=session)), lambda: write(b"{"), nowhere
    )


def _real(edge: RealEdge) -> Rig:
    edge.behind_all(envoy.connect(SETTINGS, edge.site))

    def serve(session: str) -> None:
        before = edge.edge.access_log.stat().st_size
        assert edge.get("/things?q=1", cookie=f"{session}.secret")[0] == 200
        wait_until(lambda: edge.edge.access_log.stat().st_size > before, "in the access log")

    def garble() -> None:
        with edge.edge.access_log.open("ab") as stream:
            stream.write(b"{\n")

    nowhere = envoy.connect(envoy.Settings(admin="conn://x", access_log="no/such.log"), edge.site)
    return Rig(envoy.connect(SETTINGS, edge.site), serve, garble, nowhere)


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealEdge]:
    with real_envoy.running(tmp_path_factory.mktemp("edge")) as running:
        yield running


@pytest.fixture(params=["memory", "file", pytest.param("envoy", marks=pytest.mark.real)])
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Rig:
    if request.param == "memory":
        return _memory()
    return _file(tmp_path) if request.param == "file" else _real(request.getfixturevalue("edge"))


def test_from_now_on_means_nothing_that_was_before(rig: Rig) -> None:
    rig.serve("before")
    start = rig.driver.follow(None)
    rig.serve("after")

    batch = rig.driver.follow(start.cursor)

    assert start.observations == ()
    assert [o.session for o in batch.observations] == ["after"]
    assert start.lag_seconds is not None and 0 <= start.lag_seconds < 60, "the age of what was there before"


def test_nothing_twice_and_nothing_left_out(rig: Rig) -> None:
    cursor = rig.driver.follow(None).cursor
    seen: list[str | None] = []
    for number in range(5):
        rig.serve(f"s{number}")
        batch = rig.driver.follow(cursor)
        again = rig.driver.follow(cursor)
        assert again.observations == batch.observations, "a cursor means the same twice"
        seen += [o.session for o in batch.observations]
        cursor = batch.cursor

    assert seen == ["s0", "s1", "s2", "s3", "s4"]
    assert rig.driver.follow(cursor).observations == ()


def test_a_quiet_source_grows_old(rig: Rig) -> None:
    cursor = rig.driver.follow(None).cursor
    rig.serve("x")
    batch = rig.driver.follow(cursor)
    wait_until(lambda: time.time() > batch.read_at + 0.1, "a tenth of a second later")

    later = rig.driver.follow(batch.cursor)

    assert batch.lag_seconds is not None and later.lag_seconds is not None
    assert later.lag_seconds >= batch.lag_seconds + 0.09  # a request may end up to its own length ahead


def test_what_is_not_understood_is_counted_and_shown(rig: Rig) -> None:
    cursor = rig.driver.follow(None).cursor
    rig.garble()
    rig.serve("good")

    batch = rig.driver.follow(cursor)

    assert batch.malformed == 1
    assert "{" in batch.sample
    assert [o.session for o in batch.observations] == ["good"]


def test_a_cursor_of_another_kind_is_refused(rig: Rig) -> None:
    for cursor in ("", "nonsense", "1:-2:3;0", "1:2:3;nan", "999999"):
        with pytest.raises(Refused):
            rig.driver.follow(cursor)


def test_a_source_that_is_not_there_is_unreachable(rig: Rig) -> None:
    with pytest.raises(Unreachable):
        rig.unreachable.follow(None)
    with pytest.raises(Unreachable):
        rig.unreachable.ping()


# The file's own ways to go wrong.


@pytest.fixture
def log(tmp_path: Path) -> Path:
    (tmp_path / "lab" / "edge").mkdir(parents=True)
    path = tmp_path / "lab" / "edge" / "access.log"
    path.touch()
    return path


def _driver(log: Path) -> envoy.EnvoyMetrics:
    return envoy.connect(SETTINGS, _site(log.parents[2], 1))


def _append(path: Path, *sessions: str) -> None:
    with path.open("ab") as stream:
        stream.writelines(line(session=s) + b"\n" for s in sessions)


def _all(driver: Metrics, cursor: str) -> tuple[list[str | None], int]:
    """Everything after ``cursor``: sessions, and how many lines were malformed."""
    sessions: list[str | None] = []
    malformed = 0
    for _ in range(10):
        batch = driver.follow(cursor)
        sessions += [o.session for o in batch.observations]
        malformed, cursor = malformed + batch.malformed, batch.cursor
    return sessions, malformed


def test_an_unfinished_line_waits_for_its_end(log: Path) -> None:
    driver = _driver(log)
    whole = line(session="late") + b"\n"
    _append(log, "early")
    with log.open("ab") as stream:
        stream.write(whole[:40])
    start = driver.follow(None)

    assert driver.follow(start.cursor).malformed == 0
    with log.open("ab") as stream:
        stream.write(whole[40:])

    assert _all(driver, start.cursor) == (["late"], 0)


def test_a_rotated_log_is_read_to_its_end_and_then_the_new_one(log: Path) -> None:
    driver = _driver(log)
    cursor = driver.follow(None).cursor
    _append(log, "old-1", "old-2")
    log.rename(log.with_name("access.log.1"))

    assert [o.session for o in driver.follow(cursor).observations] == ["old-1", "old-2"], "before the new one is there"
    _append(log.with_name("access.log.1"), "old-3")
    _append(log, "new-1")

    assert _all(driver, cursor) == (["old-1", "old-2", "old-3", "new-1"], 0)


def test_a_rotated_log_that_is_gone_is_a_gap_that_is_told(log: Path) -> None:
    driver = _driver(log)
    _append(log, "a")
    cursor = driver.follow(None).cursor
    log.rename(log.parent / "kept-elsewhere")
    _append(log, "new")

    batch = driver.follow(cursor)

    assert [o.session for o in batch.observations] == ["new"]
    assert (batch.malformed, batch.sample) == (1, "the log was replaced, its old file is gone")


@pytest.mark.parametrize("grown", [1, 50], ids=["shorter", "longer than before"])
def test_a_truncated_log_is_read_from_its_start(log: Path, grown: int) -> None:
    driver = _driver(log)
    _append(log, *(f"old-{n}" for n in range(10)))
    cursor = driver.follow(None).cursor
    with log.open("r+b") as stream:
        stream.truncate(0)
    _append(log, *(f"new-{n}" for n in range(grown)))

    sessions, malformed = _all(driver, cursor)

    assert sessions == [f"new-{n}" for n in range(grown)]
    assert malformed == 1, "the gap is told"


@pytest.mark.parametrize("text", [b"{}", line()], ids=["short lines", "lines as they are"])
def test_one_call_reads_a_bounded_part(log: Path, text: bytes) -> None:
    driver = _driver(log)
    cursor = driver.follow(None).cursor
    many = _tail.MOST_LINES + 7
    log.write_bytes((text + b"\n") * many)

    sizes = []
    for _ in range(4):
        batch = driver.follow(cursor)
        sizes.append(len(batch.observations) + batch.malformed)
        cursor = batch.cursor

    assert sum(sizes) == many, "none is left out at the bound"
    assert max(sizes) <= min(_tail.MOST_LINES, _tail.MOST_BYTES // len(text))


def test_a_line_without_end_does_not_stop_what_follows(log: Path) -> None:
    driver = _driver(log)
    cursor = driver.follow(None).cursor
    log.write_bytes(b"x" * (_tail.MOST_BYTES + 10) + b"\n")
    _append(log, "after")

    sessions, malformed = _all(driver, cursor)

    assert sessions == ["after"]
    assert malformed >= 1


# What only the real one can show.


@pytest.mark.real
def test_a_request_is_seen_as_it_was_routed(edge: RealEdge) -> None:
    driver = envoy.connect(SETTINGS, edge.site)
    router = traffic.connect(
        traffic.Settings(admin="conn://a", routes="lab/edge/routes.yaml", session_cookie="shop_session"), edge.site
    )
    cursor = edge.behind_all(driver)
    epoch = router.observe().epoch + 1
    to_b = canary_split({"east": 10_000, "west": 0}, Slot.A, {"east": 10_000})
    router.apply(to_b, Token(epoch, "op"))
    started = time.time()
    edge.get("/orders?card=card-number", cookie="pub-1.very-secret", method="POST")
    edge.get("/", cookie="no-dot-so-not-known-to-be-public")
    edge.get("/")
    router.apply(canary_split(SHARES, Slot.A, {}), Token(epoch, "op"))
    wait_until(lambda: len(driver.follow(cursor).observations) == 3, "three requests in the log")

    first, second, third = driver.follow(cursor).observations

    assert (first.arm, first.endpoint, first.status) == (Arm("east", Slot.B), "checkout", 200)
    assert (first.session, second.session, third.session) == ("pub-1", None, None)
    assert {(o.epoch, o.split) for o in (first, second, third)} == {(epoch, to_b)}
    assert abs(first.at - started) < 1
    assert 0 < first.milliseconds < 1000
    assert first.milliseconds != int(first.milliseconds), "finer than a millisecond, or ranks tie"
    text = edge.edge.access_log.read_text()
    assert "secret" not in text and "card-number" not in text and "no-dot" not in text


@pytest.mark.real
def test_a_line_is_there_within_the_resolution_that_is_stated(edge: RealEdge) -> None:
    driver = envoy.connect(SETTINGS, edge.site)
    cursor = edge.behind_all(driver)
    edge.get("/", cookie="quick.x")
    answered = time.monotonic()
    wait_until(lambda: driver.follow(cursor).observations, "seen")
    assert time.monotonic() - answered < 1, "Envoy's own default would be 10 s"


@pytest.mark.real
def test_counters_count_requests_errors_and_targets(edge: RealEdge) -> None:
    driver = envoy.connect(SETTINGS, edge.site)
    edge.behind_all(driver)
    before = driver.counters()
    edge.upstreams[EAST_A].status = 500
    answers = [edge.get("/")[0] for _ in range(30)]
    edge.upstreams[EAST_A].status = 200

    after = driver.counters()

    errors = sum(status == 500 for status in answers)
    assert errors > 0
    assert after.errors[EAST_A] - before.errors[EAST_A] == errors
    assert sum(after.requests.values()) - sum(before.requests.values()) == 30
    assert all(after.targets[arm] == after.healthy[arm] == 1 for arm in real_envoy.ARMS)
    assert after.active[EAST_A] == 0


@pytest.mark.real
def test_answers_for_want_of_a_healthy_target_are_the_arms_errors(edge: RealEdge) -> None:
    """Envoy counts such a 503 as the cluster's; the errors must never outnumber the requests for that."""
    driver = envoy.connect(SETTINGS, edge.site)
    cursor, before = edge.behind_all(driver), driver.counters()
    west_a = Arm("west", Slot.A)
    for arm in (EAST_A, west_a):
        edge.upstreams[arm].healthy = False
    wait_until(lambda: not edge.healthy(EAST_A) and not edge.healthy(west_a), "nothing healthy")
    answers = [edge.get("/")[0] for _ in range(5)]
    for arm in (EAST_A, west_a):
        edge.upstreams[arm].healthy = True
    after = driver.counters()
    wait_until(lambda: len(driver.follow(cursor).observations) == 5, "in the log")

    assert answers == [503] * 5
    for counted in ("requests", "errors"):
        more = [getattr(after, counted)[arm] - getattr(before, counted)[arm] for arm in (EAST_A, west_a)]
        assert sum(more) == 5, f"{counted}: {more}"
    assert {o.arm for o in driver.follow(cursor).observations} <= {EAST_A, west_a}, "the arm that the router chose"
    wait_until(lambda: edge.healthy(EAST_A) and edge.healthy(west_a), "healthy again")


@pytest.mark.real
def test_envoy_reopens_a_rotated_log_and_nothing_is_lost(edge: RealEdge) -> None:
    driver = envoy.connect(SETTINGS, edge.site)
    cursor = edge.behind_all(driver)
    edge.get("/", cookie="first.x")
    edge.edge.access_log.rename(edge.edge.access_log.with_name("access.log.1"))
    edge.get("/", cookie="second.x")
    assert edge.post_admin("/reopen_logs").strip() == "OK"
    edge.get("/", cookie="third.x")
    wait_until(lambda: len(_all(driver, cursor)[0]) == 3, "all three requests")

    assert _all(driver, cursor) == (["first", "second", "third"], 0)


@pytest.mark.real
def test_no_counters_of_a_router_that_does_not_answer(edge: RealEdge) -> None:
    driver = envoy.connect(SETTINGS, _site(edge.site.root, free_ports(1)[0]))
    with pytest.raises(Unreachable):
        driver.counters()
