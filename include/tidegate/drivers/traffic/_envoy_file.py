"""The route file that Envoy watches: how a split becomes one, and how it is replaced.

The file is JSON (which Envoy accepts under any name). Its ``version_info`` and the name of its one route are the same
string, ``<epoch>;<split>``: the admin interface shows it as the version in force, and ``%ROUTE_NAME%`` puts it on every
line of the access log, so each request tells the epoch and the weights under which it was routed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tidegate.errors import Refused
from tidegate.model.traffic import Split

ROUTE_CONFIG = "tidegate"  # name of the route configuration, in the listener and in the file
TYPE = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"
UPSTREAM_TIMEOUT = "15s"  # a request's longest stay at the edge; the shop holds writes for 5 s at most


def version(epoch: int, split: Split) -> str:
    """``7;east-b=250,east-a=4750,…``: what the file, the admin interface and the access log all carry."""
    return f"{epoch};{split}"


def parse_version(text: str) -> tuple[int, Split]:
    """Inverse of :func:`version`. Raises ValueError."""
    epoch, found, split = text.partition(";")
    if not found or not epoch.isascii() or not epoch.isdigit():
        raise ValueError(f"not a route version: {text[:80]!r} (expected <epoch>;<split>)")
    return int(epoch), Split.parse(split)


def render(epoch: int, split: Split, session_cookie: str) -> dict[str, Any]:
    """The discovery response for Envoy. No retries: the judge and the user see the same answer (and a POST is never
    sent twice). Clusters stand in the split's order, which is what makes a sticky session's way back monotone."""
    name = version(epoch, split)
    route = {
        "name": name,
        "match": {"prefix": "/"},
        "route": {
            "timeout": UPSTREAM_TIMEOUT,
            "weighted_clusters": {
                "use_hash_policy": True,
                "clusters": [{"name": arm.name, "weight": weight} for arm, weight in split.weights],
            },
            "hash_policy": [{"cookie": {"name": session_cookie}}],
        },
    }
    host = {"name": "all", "domains": ["*"], "routes": [route]}
    return {
        "version_info": name,
        "resources": [{"@type": TYPE, "name": ROUTE_CONFIG, "virtual_hosts": [host]}],
    }


def read(path: Path) -> tuple[int, Split] | None:
    """Epoch and split in the file, None if there is no file. Raises :class:`Refused` if it is not ours to replace."""
    try:
        text = path.read_text()
    except FileNotFoundError:
        return None
    try:
        return parse_version(json.loads(text)["version_info"])
    except (ValueError, KeyError, TypeError, AttributeError) as wrong:
        raise Refused(
            f"the route file {path.name} does not say which epoch wrote it ({type(wrong).__name__})",
            next_step=f"look at {path}; if nobody else owns it, move it away and apply again",
        ) from wrong
