"""A link carries bytes, delays them, and when cut behaves like a partition: silence, no refusal."""

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab import ports
from lab.links import LinkControl
from tidegate.errors import Refused, Unreachable


@dataclass
class Rig:
    control: LinkControl
    listen: int
    accepted: list[int]  # one entry for every connection that reached the far side

    def connect(self) -> socket.socket:
        return socket.create_connection((ports.LOOPBACK, self.listen), timeout=5.0)


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    """The real links' process between us and a server that echoes."""
    echo = socket.create_server((ports.LOOPBACK, 0))
    accepted: list[int] = []
    threading.Thread(target=_echo, args=(echo, accepted), daemon=True).start()
    chosen = ports.choose()
    listen, control = chosen["edge"], chosen["links"]
    config = tmp_path / "links.json"
    lines = {"there": {"listen": listen, "target": echo.getsockname()[1]}}
    config.write_text(json.dumps({"control": control, "links": lines}))
    process = subprocess.Popen([sys.executable, "-m", "lab.links", str(config)])
    rig = Rig(LinkControl(control), listen, accepted)
    try:
        _until(lambda: _answers(rig.control))
        yield rig
    finally:
        process.terminate()
        process.wait(5)
        echo.close()


def test_bytes_pass_both_ways_and_connections_are_counted(rig: Rig) -> None:
    payload = bytes(range(256)) * 4000  # more than any buffer in between
    with rig.connect() as connection:
        threading.Thread(target=connection.sendall, args=(payload,), daemon=True).start()
        assert _receive(connection, len(payload)) == payload
        assert rig.control.states()["there"]["connections"] == 1
    _until(lambda: rig.control.states()["there"]["connections"] == 0)


def test_a_cut_link_is_silent_and_loses_nothing(rig: Rig) -> None:
    with rig.connect() as before:
        before.sendall(b"one")
        assert _receive(before, 3) == b"one"
        assert rig.control.set("there", cut=True)["cut"] is True
        before.sendall(b"two")
        with rig.connect() as during:  # accepted, as a connection into a partition hangs rather than fails
            during.sendall(b"new")
            for connection in (before, during):
                connection.settimeout(0.3)
                with pytest.raises(TimeoutError):
                    connection.recv(1)
                connection.settimeout(5.0)
            assert len(rig.accepted) == 1, "nothing of the new connection reaches the far side"
            rig.control.set("there", cut=False)
            assert _receive(before, 3) == b"two"
            assert _receive(during, 3) == b"new"


def test_a_delay_holds_every_byte_for_at_least_so_long(rig: Rig) -> None:
    rig.control.set("there", delay=0.2)
    with rig.connect() as connection:
        began = time.monotonic()
        connection.sendall(b"slow")
        assert _receive(connection, 4) == b"slow"
        took = time.monotonic() - began
    assert took >= 0.4, f"there and back took {took:.3f} s, expected 2 × 0.2 s"


def test_the_end_of_either_side_is_passed_on(rig: Rig) -> None:
    with rig.connect() as connection:
        connection.sendall(b"bye")
        assert _receive(connection, 3) == b"bye"
        assert connection.recv(1) == b"", "the echo server hangs up after bye"


def test_an_unknown_link_is_refused_with_the_known_ones(rig: Rig) -> None:
    with pytest.raises(Refused, match=r"unknown link 'ther'.*there"):
        rig.control.set("ther", cut=True)


def test_a_dead_process_is_unreachable() -> None:
    with pytest.raises(Unreachable):
        LinkControl(ports.choose()["links"]).states()


def _echo(server: socket.socket, accepted: list[int]) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        accepted.append(1)
        threading.Thread(target=_echo_one, args=(connection,), daemon=True).start()


def _echo_one(connection: socket.socket) -> None:
    with connection:
        while data := connection.recv(65536):
            connection.sendall(data)
            if data == b"bye":
                return


def _receive(connection: socket.socket, count: int) -> bytes:
    found = b""
    while len(found) < count and (data := connection.recv(65536)):
        found += data
    return found


def _answers(control: LinkControl) -> bool:
    try:
        control.states()
    except Unreachable:
        return False
    return True


def _until(condition: Callable[[], bool], within: float = 10.0) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come about in time"
        time.sleep(0.02)
