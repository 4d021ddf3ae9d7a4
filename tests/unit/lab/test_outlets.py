"""A server starts with power and as a standby only; whoever has its lock alone knows that none of it is left."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from lab import outlets, switch
from lab.outlets import NO_POWER, Outlet
from lab.ports import LOOPBACK
from tidegate.drivers.credentials import Credential
from tidegate.drivers.database._switches import Outlet as Seen
from tidegate.drivers.database._switches import Power
from tidegate.errors import NotSettled, Rejected, Unreachable


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "east").mkdir()
    outlets.lay_out("east", tmp_path, lambda _: None)
    return tmp_path


def start(data: Path, *argv: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(outlets.start_command("east", data, argv or ("sleep", "60")))


def test_whatever_is_started_is_marked_as_a_standby(data: Path) -> None:
    assert start(data, "true").wait(10) == 0
    assert (data / "east" / "standby.signal").exists()


@pytest.mark.parametrize("name", ["east", "east-postgres"])
def test_without_power_nothing_starts(data: Path, name: str) -> None:
    outlets.outlets()[name].mark(data).touch()
    assert not outlets.has_power("east", data)
    assert outlets.has_power("west", data)
    assert start(data, "true").wait(10) == NO_POWER
    outlets.lay_out("east", data, lambda _: None)
    assert start(data, "true").wait(10) == 0


def test_a_stopped_process_is_still_there_and_a_killed_one_is_not(data: Path) -> None:
    running = start(data, "sh", "-c", "sleep 60 & wait")
    while not any(_name(pid) == "sleep" for pid in _holders(running.pid)):
        assert running.poll() is None
    try:
        for pid in _holders(running.pid):
            os.kill(pid, signal.SIGSTOP)
        with outlets.alone("east", data, within=0.1) as nobody:
            assert not nobody
    finally:
        for pid in _holders(running.pid):
            os.kill(pid, signal.SIGKILL)
    with outlets.alone("east", data, within=10) as nobody:
        assert nobody
        assert start(data, "true").wait(10) == NO_POWER, "nothing begins while somebody has it alone"
    running.wait()


class _Switch:
    """Says what it was told to say."""

    def __init__(self) -> None:
        self.left = 0
        self.on = True

    def state(self, outlet: Outlet) -> dict[str, object]:
        return {"outlet": outlet.name, "on": self.on, "processes": self.left}

    def turn(self, outlet: Outlet, on: bool) -> dict[str, object]:
        self.on = on
        return self.state(outlet)


@pytest.fixture
def served() -> Iterator[tuple[_Switch, int]]:
    said = _Switch()
    server = ThreadingHTTPServer((LOOPBACK, 0), switch.handler(said, "right"))  # type: ignore[arg-type]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield said, server.server_address[1]
    server.shutdown()
    server.server_close()


def power(port: int, token: str = "right", outlet: str = "east-postgres") -> Power:
    return Power("east", Credential("shop_power_east", "http", LOOPBACK, port, password=token, path=outlet))


def test_the_switch_is_looked_at_and_turned(served: tuple[_Switch, int]) -> None:
    said, port = served
    assert power(port).look() == Seen(on=True, processes=0)
    assert power(port).off().dead
    assert power(port).look().dead
    power(port).on()
    assert not power(port).look().dead, "a dead region whose power is on may come back"
    said.left = 3
    with pytest.raises(NotSettled, match="3 processes of east"):
        power(port).off()


def test_who_shows_no_token_or_names_no_outlet_is_told_so(served: tuple[_Switch, int]) -> None:
    said, port = served
    with pytest.raises(Rejected, match="401"):
        power(port, token="wrong").off()
    with pytest.raises(Rejected, match="404"):
        power(port, outlet="north").off()
    assert said.on
    assert httpx.get(f"http://{LOOPBACK}:{port}/outlets/east", trust_env=False).status_code == 401


def test_no_switch_is_no_proof(served: tuple[_Switch, int]) -> None:
    with pytest.raises(Unreachable):
        power(1).look()


def _holders(parent: int) -> list[int]:
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [parent, *map(int, children)]


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""
