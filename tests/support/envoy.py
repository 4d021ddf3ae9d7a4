"""A real Envoy on free loopback ports, with little upstreams behind it, cleaned up whatever happens."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from lab import edge as lab_edge
from lab.egress import Outside
from tidegate.drivers.credentials import Credential
from tidegate.drivers.metrics.contract import Metrics
from tidegate.drivers.site import Site
from tidegate.model.topology import Arm, Slot
from tidegate.model.traffic import Endpoint

ARMS = (Arm("east", Slot.B), Arm("east", Slot.A), Arm("west", Slot.A), Arm("west", Slot.B))
PREVIEW = Arm("east", Slot.PREVIEW)
SHARES = {"east": 5000, "west": 5000}
ENDPOINTS = (Endpoint("checkout", ("POST",), "/orders"), Endpoint("browse", (), "/"))


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def wait_until(condition: Callable[[], object], what: str, within: float = 20.0) -> None:
    """Look at ``condition`` until it holds; fail naming ``what`` otherwise."""
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, f"after {within} s: still not {what}"
        time.sleep(0.02)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet, else Nagle adds 40 ms
    server: Upstream

    def _answer(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        self.rfile.read(length)
        asked_for_health = self.path == lab_edge.HEALTH_PATH
        status = (200 if self.server.healthy else 503) if asked_for_health else self.server.status
        body = self.server.name.encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = _answer  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Silent."""


class Upstream(ThreadingHTTPServer):
    """Answers every request with its arm's name."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, name: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.name, self.healthy, self.status = name, True, 200


@dataclass
class RealEdge:
    """A running Envoy. ``site`` resolves ``conn://edge_admin`` to it."""

    edge: lab_edge.Edge
    site: Site
    upstreams: dict[Arm, Upstream]
    process: subprocess.Popen[bytes] = field(repr=False)

    def get(
        self, path: str = "/", cookie: str | None = None, method: str = "GET", preview: str | None = None
    ) -> tuple[int, str]:
        """One request on a connection of its own. ``preview``: value of its header ``x-preview``."""
        connection = http.client.HTTPConnection("127.0.0.1", self.edge.port, timeout=5)
        with contextlib.closing(connection):
            headers = {"cookie": f"shop_session={cookie}"} if cookie else {}
            headers |= {"x-preview": preview} if preview is not None else {}
            connection.request(method, path, body=b"{}" if method == "POST" else None, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

    def headers(self, cookie: str, method: str = "GET") -> tuple[int, dict[str, str]]:
        """Status and headers of one answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.edge.port, timeout=5)
        with contextlib.closing(connection):
            connection.request(method, "/", headers={"cookie": f"shop_session={cookie}"})
            answer = connection.getresponse()
            answer.read()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}

    def behind_all(self, metrics: Metrics) -> str:
        """A cursor behind every line of earlier requests: Envoy writes them a little after it has answered."""
        cursor, mark = metrics.follow(None).cursor, f"mark-{uuid.uuid4().hex}"
        self.get("/", cookie=f"{mark}.x")
        wait_until(lambda: mark in {o.session for o in metrics.follow(cursor).observations}, f"{mark} in the log")
        return metrics.follow(cursor).cursor

    def lines(self) -> list[dict[str, object]]:
        """The access log so far, parsed."""
        return [json.loads(line) for line in self.edge.access_log.read_text().splitlines()]

    def healthy(self, arm: Arm) -> bool:
        """Whether Envoy itself holds the arm's target for healthy."""
        name = f"cluster.{arm.name}.membership_healthy"
        return self.admin(f"/stats?filter=^{name}$").strip() == f"{name}: 1"

    def make_unwell(self, *arms: Arm) -> None:
        """Their upstreams call themselves unhealthy; returns once Envoy holds them for that."""
        for arm in arms:
            self.upstreams[arm].healthy = False
            wait_until(lambda arm=arm: not self.healthy(arm), f"{arm} unhealthy in Envoy's eyes")

    def heal(self) -> None:
        """All of them are healthy again, in Envoy's eyes too."""
        for arm, upstream in self.upstreams.items():
            upstream.healthy = True
            wait_until(lambda arm=arm: self.healthy(arm), f"{arm} healthy again")

    def post_admin(self, path: str) -> str:
        return self.admin(path, "POST")

    def admin(self, path: str, method: str = "GET") -> str:
        connection = http.client.HTTPConnection("127.0.0.1", self.edge.admin_port, timeout=5)
        with contextlib.closing(connection):
            connection.request(method, path)
            return connection.getresponse().read().decode()

    def kill(self) -> None:
        """End Envoy at once."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@contextlib.contextmanager
def running(root: Path, dependencies: Mapping[str, Outside] | None = None) -> Iterator[RealEdge]:
    """Envoy with one upstream per arm, all weight on slot a, ready to serve."""
    upstreams = {arm: Upstream(arm.name) for arm in (*ARMS, PREVIEW)}
    directory = root / "lab" / "edge"
    directory.mkdir(parents=True)
    port, admin = free_ports(2)
    edge = lab_edge.Edge(
        port=port,
        admin_port=admin,
        instances={arm: [server.server_address[1]] for arm, server in upstreams.items()},
        routes=directory / "routes.yaml",
        access_log=directory / "access.log",
        dependencies=dependencies or {},
    )
    lab_edge.initial_routes(edge, SHARES)
    lab_edge.write(edge, directory / "envoy.json")
    site = Site("shop", SHARES, ENDPOINTS, root, lambda name: Credential(name, "http", "127.0.0.1", admin))
    for server in upstreams.values():
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
    with (directory / "envoy.log").open("wb") as log:
        process = subprocess.Popen(
            lab_edge.command(directory / "envoy.json"), stdout=log, stderr=log, start_new_session=True
        )
    real = RealEdge(edge, site, upstreams, process)
    try:
        wait_until(lambda: _ready(real), f"ready: {(directory / 'envoy.log').read_text()[-2000:]}")
        yield real
    finally:
        real.kill()
        for server in upstreams.values():
            server.shutdown()
            server.server_close()


def _ready(real: RealEdge) -> bool:
    assert real.process.poll() is None, (real.edge.routes.parent / "envoy.log").read_text()[-3000:]
    with contextlib.suppress(OSError):
        return real.admin("/ready").strip() == "LIVE" and all(real.healthy(arm) for arm in real.upstreams)
    return False
