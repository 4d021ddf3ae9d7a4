"""A dependency in a process of its own, which can hang for real, behind a real Envoy's circuit breaker."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lab import payments
from lab.egress import Outside
from tests.support import envoy as real_envoy
from tests.support.envoy import RealEdge, wait_until
from tidegate.drivers.traffic import envoy
from tidegate.drivers.traffic.envoy import EnvoyTraffic
from tidegate.model.dependency import Breaker, BreakerState, Limits

NAME = "payments"
LIMITS = Limits(timeout=0.3, connections=3, pending=2, failures=3, open_for=0.6, probe=payments.HEALTH)
SETTINGS = envoy.Settings(admin="conn://edge_admin", routes="lab/edge/routes.yaml", session_cookie="shop_session")


@dataclass
class Dependency:
    """``port``: where the service calls it. ``book``: what it took."""

    edge: RealEdge
    port: int
    process: subprocess.Popen[bytes]
    book: Path

    def hang(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def wake(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def die(self) -> None:
        self.process.kill()
        self.process.wait()

    def call(self, order: str | None = None) -> int:
        """One payment asked for through the breaker: the status."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        with contextlib.closing(connection):
            connection.request("PUT", f"/payments/{order or uuid.uuid4()}", body=b'{"cents": 450}')
            answer = connection.getresponse()
            answer.read()
            return answer.status

    def until_open(self) -> list[int]:
        """Call until the breaker is open: the statuses on the way."""
        seen: list[int] = []
        wait_until(lambda: seen.append(self.call()) or self.breaker is Breaker.OPEN, "open")  # type: ignore[func-returns-value]
        return seen

    @property
    def driver(self) -> EnvoyTraffic:
        return envoy.connect(SETTINGS, self.edge.site)

    @property
    def state(self) -> BreakerState:
        return self.driver.observe_breakers([NAME])[NAME]

    @property
    def breaker(self) -> Breaker:
        return self.state.breaker


@contextlib.contextmanager
def running(root: Path, limits: Limits = LIMITS) -> Iterator[Dependency]:
    """Payments, and an edge through which they are called."""
    port, target = real_envoy.free_ports(2)
    book = root / "payments.log"
    command = [sys.executable, "-m", "lab.payments", "--port", str(target), "--book", str(book)]
    process = subprocess.Popen(command, start_new_session=True)
    try:
        with real_envoy.running(root, {NAME: Outside(port, target, limits)}) as edge:
            found = Dependency(edge, port, process, book)
            wait_until(lambda: found.breaker is Breaker.CLOSED and found.call() == 201, "called through the edge")
            yield found
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
