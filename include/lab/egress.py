"""The service's ways out: each dependency is called through the edge, behind a breaker with the policy's limits.

The breaker itself is Tidegate's (:mod:`tidegate.drivers.traffic._envoy_breaker`), as anybody's Envoy can have it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lab.envoy_parts import TYPES, address, router, upstream_http
from tidegate.drivers.traffic import _envoy_breaker as breaker
from tidegate.model.dependency import Limits


@dataclass(frozen=True)
class Outside:
    """A dependency: called on ``port`` of the edge, and listening on ``target``."""

    port: int
    target: int
    limits: Limits


def listener(host: str, name: str, outside: Outside) -> dict[str, Any]:
    """Where the service calls. Not in the access log, which tells of users."""
    called = breaker.cluster_name(name)
    route = {"match": {"prefix": "/"}, "route": {"cluster": called, **breaker.route_part(outside.limits)}}
    manager = {
        "@type": f"{TYPES}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": called,
        "generate_request_id": False,
        "route_config": {"name": called, "virtual_hosts": [{"name": called, "domains": ["*"], "routes": [route]}]},
        "http_filters": [router()],
    }
    chain = {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
    return {"name": called, "address": address(host, outside.port), "filter_chains": [chain]}


def cluster(host: str, name: str, outside: Outside) -> dict[str, Any]:
    """The dependency, and its breaker."""
    called = breaker.cluster_name(name)
    endpoints = [{"endpoint": {"address": address(host, outside.target)}}]
    return {
        "name": called,
        "type": "STATIC",
        "connect_timeout": "0.5s",
        "load_assignment": {"cluster_name": called, "endpoints": [{"lb_endpoints": endpoints}]},
        **breaker.cluster_part(outside.limits),
        **upstream_http(),
    }
