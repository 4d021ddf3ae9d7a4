"""The cache before the edge: it keeps what it may, as long as it may, and forgets when it is told."""

from __future__ import annotations

import http.client
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from lab.cache import Kept

KEEP = "public, max-age=3600"


class Origin(ThreadingHTTPServer):
    """Says which release it is of. ``asked``: how often."""

    daemon_threads = True
    release, control, status, asked = "1.0.0", KEEP, 200, 0


class _Answers(BaseHTTPRequestHandler):
    server: Origin

    def do_GET(self) -> None:
        self.server.asked += 1
        self.send_response(self.server.status)
        for name, value in (("cache-control", self.server.control), ("x-release-digest", self.server.release)):
            self.send_header(name, value)
        body = self.server.release.encode()
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Silent."""


@dataclass
class Rig:
    origin: Origin
    port: int
    kept: Kept

    def ask(self, method: str = "GET", path: str = "/assets/a.css?v=1") -> tuple[int, str, str, str]:
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)) as connection:
            connection.request(method, path)
            answer = connection.getresponse()
            body = answer.read().decode()
            return answer.status, answer.getheader("x-cache", ""), answer.getheader("x-release-digest", ""), body


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    origin = Origin(("127.0.0.1", 0), _Answers)
    threading.Thread(target=origin.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    at = f"127.0.0.1:{origin.server_address[1]}"
    command = [sys.executable, "-m", "lab.cache", "--port", "0", "--origin", at, "--keep", str(tmp_path / "kept")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield Rig(origin, int(process.stdout.readline().split()[-1]), Kept(tmp_path / "kept"))
        finally:
            process.kill()
            origin.shutdown()
            origin.server_close()


def test_what_may_be_kept_is_handed_out_until_it_is_purged(rig: Rig) -> None:
    assert rig.ask() == (200, "miss", "1.0.0", "1.0.0")
    rig.origin.release = "1.1.0"
    assert rig.ask() == (200, "hit", "1.0.0", "1.0.0"), "the release before is handed out on"
    assert rig.ask("PURGE")[0] == 200
    assert rig.ask() == (200, "miss", "1.1.0", "1.1.0")
    assert (rig.ask("PURGE")[0], rig.ask("PURGE")[0]) == (200, 404)


@pytest.mark.parametrize(
    ("control", "status"),
    [("public, max-age=0", 200), ("private, max-age=60", 200), ("public", 200), ("no-store", 200), (KEEP, 500)],
)
def test_what_may_not_be_kept_is_asked_for_each_time(rig: Rig, control: str, status: int) -> None:
    rig.origin.control, rig.origin.status = control, status
    assert [rig.ask()[:2] for _ in range(2)] == [(status, "miss")] * 2
    assert rig.origin.asked == 2


def test_what_is_too_old_or_cannot_be_read_is_asked_for(rig: Rig) -> None:
    path = "/assets/a.css?v=1"
    rig.ask()
    whole = rig.kept.get(path)
    assert whole is not None
    rig.kept.put(path, replace(whole, until=1.0))
    assert rig.ask()[1] == "miss"
    rig.kept._file(path).write_text("{")
    assert rig.ask()[1] == "miss"


def test_without_its_origin_it_hands_out_what_it_has(rig: Rig) -> None:
    rig.ask()
    rig.origin.shutdown()
    rig.origin.server_close()
    assert rig.ask()[:2] == (200, "hit")
    assert rig.ask(path="/assets/b.css")[0] == 502
