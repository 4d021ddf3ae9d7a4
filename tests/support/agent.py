"""The lab's agent, as it answers over HTTP, around faults and users of a test's own."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

from lab.agent.__main__ import Agent, handler
from lab.agent.breaking import Broken
from lab.agent.keeping import Keeping
from tidegate.drivers.credentials import parse_connection
from tidegate.drivers.faults.contract import Fault, FaultKind
from tidegate.drivers.site import Site

TOKEN = "only-for-this-test"


class Breakable:
    """What is broken, by kind. ``stuck``: cannot be taken back."""

    def __init__(self) -> None:
        self.broken: list[str] = []
        self.stuck = False
        self.kinds = {kind: Broken(self._put_in, self._take_back) for kind in (FaultKind.PARTITION, FaultKind.ERRORS)}

    def _put_in(self, fault: Fault) -> None:
        self.broken.append(str(fault))

    def _take_back(self, fault: Fault) -> None:
        from tidegate.errors import NotSettled

        if self.stuck:
            raise NotSettled("it does not come back")
        self.broken.remove(str(fault))


@contextlib.contextmanager
def serving(keeping: Keeping, visitors: Any = None) -> Iterator[int]:
    """The port on which it answers."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler(Agent(keeping, visitors), TOKEN)) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield int(server.server_address[1])
        finally:
            server.shutdown()
            thread.join()


def site_of(port: int, tmp_path: Path, token: str = TOKEN) -> Site:
    """A site whose one connection is the agent's."""
    raw = json.dumps({"conn_type": "http", "host": "127.0.0.1", "port": port, "password": token})
    return Site("shop", {"east": 5000, "west": 5000}, (), tmp_path, lambda name: parse_connection("agent", raw))
