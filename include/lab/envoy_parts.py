"""Parts of an Envoy configuration that the edge's way in and its ways out have in common."""

from __future__ import annotations

from typing import Any

TYPES = "type.googleapis.com/envoy"
UPSTREAM_IDLE = "20s"  # below the shop's keep-alive, so that Envoy never writes into a connection the shop is closing
_HTTP = "extensions.upstreams.http.v3.HttpProtocolOptions"


def address(host: str, port: int) -> dict[str, Any]:
    return {"socket_address": {"address": host, "port_value": port}}


def router() -> dict[str, Any]:
    """The last of every listener's filters."""
    return {
        "name": "envoy.filters.http.router",
        "typed_config": {"@type": f"{TYPES}.extensions.filters.http.router.v3.Router"},
    }


def upstream_http() -> dict[str, Any]:
    """Of a cluster: HTTP/1.1, and how long an idle connection is kept."""
    return {
        "typed_extension_protocol_options": {
            f"envoy.{_HTTP}": {
                "@type": f"{TYPES}.{_HTTP}",
                "common_http_protocol_options": {"idle_timeout": UPSTREAM_IDLE},
                "explicit_http_config": {"http_protocol_options": {}},
            }
        }
    }
