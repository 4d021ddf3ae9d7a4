"""What the lab's agent breaks, on the real parts: a PostgreSQL without room, an Envoy whose log cannot be found."""

from __future__ import annotations

import subprocess
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from lab import outlets, processes
from lab.agent import disk, sight
from lab.agent.breaking import Broken
from lab.agent.keeping import Keeping
from lab.databases import PROGRAM, Databases
from lab.places import Places
from lab.postgres_user import Account, Installation
from tests.support import envoy as real_envoy
from tests.support.envoy import RealEdge
from tests.support.lab import until
from tests.support.postgres import Server, start
from tidegate.drivers.faults.contract import Fault, FaultKind
from tidegate.drivers.metrics import envoy
from tidegate.errors import Unreachable


@pytest.fixture
def databases(tmp_path: Path) -> Iterator[tuple[Server, Databases]]:
    """A real server of its own, laid out as the lab's: its data is the region's."""
    server = start()
    owner = (server.directory / "data").stat()
    mine = owner.st_uid == Path(tmp_path).stat().st_uid
    account = Account() if mine else Account("lent", owner.st_uid, owner.st_gid)
    (server.directory / "east").symlink_to(server.directory / "data")
    installation = Installation(Path("/nowhere"), server.directory, account)

    def nobody(region: str) -> object:
        raise AssertionError(region)

    found = Databases(Places(tmp_path), {}, {}, installation, nobody)  # type: ignore[arg-type]
    cluster = type("Cluster", (), {"data": server.directory / "data"})()
    found.__dict__["cluster"] = lambda region: cluster  # the ports of a lab are not needed here
    yield server, found
    server.stop()


def writes(server: Server) -> None:
    server.execute("insert into orders select repeat('x', 1000) from generate_series(1, 300)")


def sizes(server: Server) -> dict[str, int]:
    """Of every file of its data, in bytes."""
    return {str(file): file.stat().st_size for file in (server.directory / "data").rglob("*") if file.is_file()}


def pids(server: Server) -> list[int]:
    return processes.working_in(server.directory / "data", PROGRAM)


def test_a_disk_without_room_refuses_what_is_written_and_fills_nothing(databases: tuple[Server, Databases]) -> None:
    server, lab = databases
    server.execute("create table orders (x text)")
    writes(server)
    before = sizes(server)
    disk.fill(lab, "east")
    assert pids(server)
    assert all(disk.limited(pid) for pid in pids(server))
    with pytest.raises(psycopg.Error) as refused:
        for _ in range(20):
            writes(server)
    said = str(refused.value)
    assert "could not extend file" in said or "server" in said, said
    until(lambda: "File too large" in (server.directory / "log").read_text(errors="replace"), 30, "it found room")
    grown = {file: size for file, size in sizes(server).items() if size > max(before.get(file, 0), disk.ROOM)}
    assert grown == {}


def test_it_is_put_in_twice_and_taken_back_twice(databases: tuple[Server, Databases]) -> None:
    server, lab = databases
    disk.fill(lab, "east")
    disk.fill(lab, "east")
    disk.free(lab, "east")
    assert not any(disk.limited(pid) for pid in pids(server))
    disk.free(lab, "east")
    server.execute("create table orders (x text)")
    writes(server)
    assert not outlets.full("east", server.directory).exists()


def test_an_agent_that_dies_leaves_no_disk_full(databases: tuple[Server, Databases], tmp_path: Path) -> None:
    server, lab = databases
    kinds = {
        FaultKind.DISK_FULL: Broken(lambda f: disk.fill(lab, f.region), lambda f: disk.free(lab, f.region)),
    }
    Keeping(kinds, tmp_path / "faults.json").inject("one", Fault(FaultKind.DISK_FULL, "east"), 0.1)
    threading.Thread(target=Keeping(kinds, tmp_path / "faults.json").take_back_in_time, daemon=True).start()
    until(lambda: not any(disk.limited(pid) for pid in pids(server)), 30, "nobody took it back")


def test_a_server_that_is_started_meanwhile_has_no_room_either(tmp_path: Path) -> None:
    (tmp_path / "east").mkdir()
    outlets.lay_out("east", tmp_path, lambda _: None)
    write = ("dd", "if=/dev/zero", f"of={tmp_path / 'file'}", "bs=1024", "count=200")

    def begin() -> int:
        started = outlets.start_command("east", tmp_path, write)
        return subprocess.run(started, capture_output=True, check=False).returncode

    assert begin() == 0
    outlets.full("east", tmp_path).touch()
    assert begin() != 0
    assert (tmp_path / "file").stat().st_size == disk.ROOM
    outlets.lay_out("east", tmp_path, lambda _: None)
    assert begin() == 0


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealEdge]:
    with real_envoy.running(tmp_path_factory.mktemp("edge")) as running:
        yield running


def metrics_of(edge: RealEdge) -> envoy.EnvoyMetrics:
    settings = envoy.Settings(admin="conn://edge_admin", access_log="lab/edge/access.log")
    return envoy.connect(settings, edge.site)


def asks(edge: RealEdge) -> str:
    """One user's request; who it was."""
    session = f"s{uuid.uuid4().hex}"
    assert edge.get("/", cookie=f"{session}.x")[0] == 200, "traffic goes on"
    return session


def test_metrics_are_blind_while_traffic_goes_on_and_nothing_of_it_is_lost(edge: RealEdge) -> None:
    metrics, log = metrics_of(edge), edge.edge.access_log
    cursor = edge.behind_all(metrics)
    sight.hide(log)
    sight.hide(log)
    unseen = [asks(edge) for _ in range(5)]
    with pytest.raises(Unreachable, match="cannot be read"):
        metrics.follow(cursor)
    with pytest.raises(Unreachable, match="cannot be read"):
        metrics.ping()
    sight.show(log)
    sight.show(log)
    unseen.append(asks(edge))
    until(lambda: _sessions(metrics, cursor) == unseen, 30, "some of it is lost")


def _sessions(metrics: envoy.EnvoyMetrics, cursor: str) -> list[str | None]:
    return [one.session for one in metrics.follow(cursor).observations]


def test_an_agent_that_dies_leaves_nobody_blind(edge: RealEdge, tmp_path: Path) -> None:
    log = edge.edge.access_log
    kinds = {FaultKind.METRICS_BLIND: Broken(lambda f: sight.hide(log), lambda f: sight.show(log))}
    Keeping(kinds, tmp_path / "faults.json").inject("one", Fault(FaultKind.METRICS_BLIND), 0.1)
    assert not log.exists()
    threading.Thread(target=Keeping(kinds, tmp_path / "faults.json").take_back_in_time, daemon=True).start()
    until(log.exists, 30, "nobody took it back")


def test_a_log_that_was_begun_meanwhile_is_kept_and_the_old_one_is_read_first(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.write_text("old")
    sight.hide(log)
    log.write_text("new")
    sight.show(log)
    assert (log.read_text(), (tmp_path / "access.log.1").read_text()) == ("new", "old")


def test_the_agent_has_both(tmp_path: Path) -> None:
    from lab.agent.breaking import Breaking
    from lab.estate import Lab

    kinds = Breaking(Lab(Places(tmp_path)), Lab(Places(tmp_path))).kinds
    assert {FaultKind.DISK_FULL, FaultKind.METRICS_BLIND} <= set(kinds)
