"""What readiness asks of databases in memory: their clocks, and what their log-ins may do."""

from __future__ import annotations

import time
from collections.abc import Callable

from tidegate.drivers.database._memory_server import Server
from tidegate.errors import Refused, Unreachable


class Readiness:
    """``skew``: seconds by which a region's clock is ahead. ``lacking``: what the log-in may not do there."""

    servers: dict[str, Server]

    def __init__(self) -> None:
        self.now: Callable[[], float] = time.time
        self.skew: dict[str, float] = {}
        self.lacking: dict[str, str] = {}

    def rights(self, region: str) -> str:
        server = self.servers[region]
        if not (server.linked and server.powered and server.control):
            raise Unreachable(f"the control of {region} does not answer", next_step="see that the region runs")
        if region in self.lacking:
            raise Refused(f"the log-in in {region} may not {self.lacking[region]}", next_step="grant it")
        return "everything may be done"

    def clock(self, region: str) -> float:
        if not self.servers[region].answers:
            raise Unreachable(f"{region} does not answer ({self.servers[region].why()})", next_step="see what it has")
        return self.now() + self.skew.get(region, 0.0)
