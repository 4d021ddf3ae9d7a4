"""Asking Envoy's admin interface. It only ever answers questions here; nothing is changed through it."""

from __future__ import annotations

import contextlib
import http.client
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from tidegate.drivers.credentials import Credential
from tidegate.errors import Rejected, Unreachable
from tidegate.telemetry.context import headers

SECONDS = 2.0  # for one question; the interface is near, and a shift waits for it


class EnvoyAdmin:
    """One router's admin interface, with a new connection for each question: they are few, and none goes stale."""

    def __init__(self, credential: Credential, seconds: float = SECONDS) -> None:
        self._credential, self._seconds = credential, seconds

    def ready(self) -> None:
        """Raises :class:`Unreachable`, or :class:`Rejected` while Envoy is starting or draining."""
        self.text("/ready")

    def route_config(self, name: str) -> tuple[str, str, str] | None:
        """``version_info``, the last route's name and the virtual host's as in force for the route configuration
        ``name``, None if it has none.

        All are given because one tells what Envoy was sent and the others what it routes by.
        """
        configs = self.json("/config_dump?resource=dynamic_route_configs").get("configs", [])
        for config in configs:
            routes = config.get("route_config", {})
            if routes.get("name") == name:
                host = routes["virtual_hosts"][0]
                return config.get("version_info", ""), host["routes"][-1].get("name", ""), host.get("name", "")
        return None

    def stats(self, expression: str) -> Mapping[str, int]:
        """Counters and gauges whose name matches the regular expression."""
        rows = self.json(f"/stats?format=json&filter={quote(expression)}").get("stats", [])
        return {row["name"]: row["value"] for row in rows if isinstance(row.get("value"), int)}

    def clusters(self) -> Mapping[str, Any]:
        """Every cluster's configuration as in force, by name."""
        found = {}
        for kind in ("static_clusters", "dynamic_active_clusters"):
            for entry in self.json(f"/config_dump?resource={kind}").get("configs", []):
                cluster = entry.get("cluster", {})
                found[cluster.get("name", "")] = cluster
        return found

    def routes(self) -> Mapping[str, Any]:
        """What is done with a request, by the name of the cluster that it goes to; of routes to one cluster only."""
        found = {}
        for kind in ("static_route_configs", "dynamic_route_configs"):
            for entry in self.json(f"/config_dump?resource={kind}").get("configs", []):
                for host in entry.get("route_config", {}).get("virtual_hosts", []):
                    actions = [route.get("route", {}) for route in host.get("routes", [])]
                    found.update({action["cluster"]: action for action in actions if "cluster" in action})
        return found

    def json(self, path: str) -> Any:
        text = self.text(path)
        try:
            return json.loads(text)
        except ValueError as wrong:
            raise Rejected(f"Envoy's admin at {self._credential.address} did not answer in JSON to {path}") from wrong

    def text(self, path: str) -> str:
        """The answer to a GET. Raises :class:`Unreachable`, :class:`Rejected`."""
        where = self._credential.address
        connection = http.client.HTTPConnection(self._credential.host, self._credential.port, timeout=self._seconds)
        with contextlib.closing(connection):
            try:
                connection.request("GET", path, headers=headers())
                answer = connection.getresponse()
                body = answer.read().decode(errors="replace")
            except (OSError, http.client.HTTPException) as wrong:
                raise Unreachable(
                    f"Envoy's admin at {where} does not answer ({type(wrong).__name__})",
                    next_step=f"see whether Envoy runs and conn://{self._credential.name} names its admin port",
                ) from wrong
        if answer.status != http.client.OK:
            raise Rejected(f"Envoy's admin at {where} answered {answer.status} to {path}: {body[:120].strip()}")
        return body
