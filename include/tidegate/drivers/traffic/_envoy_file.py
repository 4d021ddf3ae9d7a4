"""The route file that Envoy watches: how a split becomes one, and how it is replaced.

The file is JSON (which Envoy accepts under any name). Its ``version_info`` and the name of its one route are the same
string, ``<epoch>;<split>``: the admin interface shows it as the version in force, and ``%ROUTE_NAME%`` puts it on every
line of the access log, so each request tells the epoch and the weights under which it was routed. While a part of the
sessions is turned away it goes on with ``;<admitted>/<Retry-After>``.

Who is turned away goes to a cluster that there is not, which Envoy answers with 503 by itself: so admission is decided
by the hash that chooses the arm, and takes nothing in Envoy's own configuration (``validate_clusters`` must be off, as
it is by default where routes come from a file).

A preview's route stands before it, under a name that no split has. Who wrote it last, in epochs of the previews' own
chain, is in the virtual host's name, ``all;<epoch>;<route>``, also when the route is gone: it fences older writers.

While writes are halted a route before both of them matches every method that does not read, and leads to that cluster
that there is not. Who halted them last, or let them through again, stands at the end of the host's name,
``|<epoch>;<Retry-After>``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tidegate.drivers.traffic.contract import PreviewState, RouteState, WritesState
from tidegate.errors import Refused
from tidegate.model.admission import EVERYBODY, Admission
from tidegate.model.preview_arm import PreviewRoute
from tidegate.model.traffic import TOTAL, Split
from tidegate.model.writes import READING, Halt

ROUTE_CONFIG = "tidegate"  # name of the route configuration, in the listener and in the file
TYPE = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"
HOST = "all"  # the virtual host
NOWHERE = "not-admitted"  # no cluster has this name
PREVIEW = "preview"  # how the name of a preview's route begins, in the file and in the access log
WRITES = "writes"  # likewise of the route that turns writes away
NO_PREVIEW = PreviewState(0, None)
NO_HALT = WritesState(0, None)
UPSTREAM_TIMEOUT = "15s"  # a request's longest stay at the edge; the shop holds writes for 5 s at most


@dataclass(frozen=True)
class Standing:
    """Everything that one route file says."""

    routed: RouteState
    preview: PreviewState = NO_PREVIEW
    writes: WritesState = NO_HALT


def version(epoch: int, split: Split, admission: Admission = EVERYBODY) -> str:
    """``7;east-b=250,east-a=4750,…``: what the file, the admin interface and the access log all carry."""
    return f"{epoch};{split}" if admission == EVERYBODY else f"{epoch};{split};{admission}"


def parse_version(text: str) -> tuple[int, Split, Admission]:
    """Inverse of :func:`version`. Raises ValueError."""
    epoch, found, rest = text.partition(";")
    if not found or not epoch.isascii() or not epoch.isdigit():
        raise ValueError(f"not a route version: {text[:80]!r} (expected <epoch>;<split>)")
    split, limited, admission = rest.partition(";")
    return int(epoch), Split.parse(split), Admission.parse(admission) if limited else EVERYBODY


def host_name(preview: PreviewState, writes: WritesState = NO_HALT) -> str:
    """The virtual host's name: ``all`` where there never was a preview nor a halt of writes."""
    shown = f"{HOST};{preview.epoch};{preview.route or ''}" if preview != NO_PREVIEW else HOST
    return shown if writes == NO_HALT else f"{shown}|{writes.epoch};{writes.halt or ''}"


def parse_host_name(text: str) -> tuple[PreviewState, WritesState]:
    """Inverse of :func:`host_name`. Raises ValueError."""
    shown, halted, halt = text.partition("|")
    return _parse_preview(shown), _parse_writes(halt) if halted else NO_HALT


def _parse_preview(text: str) -> PreviewState:
    if text == HOST:
        return NO_PREVIEW
    host, epoch, route = (*text.split(";", 2), "", "")[:3]
    if host != HOST or not epoch.isascii() or not epoch.isdigit():
        raise ValueError(f"not a virtual host of ours: {text[:80]!r}")
    return PreviewState(int(epoch), PreviewRoute.parse(route) if route else None)


def _parse_writes(text: str) -> WritesState:
    epoch, found, halt = text.partition(";")
    if not found or not epoch.isascii() or not epoch.isdigit():
        raise ValueError(f"not a halt of writes: {text[:80]!r}")
    return WritesState(int(epoch), Halt.parse(halt) if halt else None)


def render(
    epoch: int,
    split: Split,
    session_cookie: str,
    preview: PreviewState = NO_PREVIEW,
    admission: Admission = EVERYBODY,
    writes: WritesState = NO_HALT,
) -> dict[str, Any]:
    """The discovery response for Envoy. No retries: the judge and the user see the same answer (and a POST is never
    sent twice). Clusters stand in the split's order, which is what makes a sticky session's way back monotone."""
    name = version(epoch, split, admission)
    route = {
        "name": name,
        "match": {"prefix": "/"},
        "route": {
            "timeout": UPSTREAM_TIMEOUT,
            "weighted_clusters": {
                "use_hash_policy": True,
                "clusters": _clusters(split, admission),
            },
            "hash_policy": [{"cookie": {"name": session_cookie}}],
        },
    }
    first = [_no_write(writes.halt, name)] if writes.halt else []
    shown = [_preview(preview.route)] if preview.route else []
    host = {"name": host_name(preview, writes), "domains": ["*"], "routes": [*first, *shown, route]}
    return {
        "version_info": name,
        "resources": [{"@type": TYPE, "name": ROUTE_CONFIG, "virtual_hosts": [host]}],
    }


def _clusters(split: Split, admission: Admission) -> list[dict[str, Any]]:
    """Each arm's own part of the hash is divided, so that no session changes its arm while more are admitted."""
    if admission == EVERYBODY:
        return [{"name": arm.name, "weight": weight} for arm, weight in split.weights]
    wait = _told_to_wait(admission.retry_after)
    rows: list[dict[str, Any]] = []
    for arm, weight in split.weights:
        rows.append({"name": arm.name, "weight": weight * admission.admitted})
        refused = weight * (TOTAL - admission.admitted)
        rows.append({"name": NOWHERE, "weight": refused, "response_headers_to_add": [wait]})
    return [row for row in rows if row["weight"] or row["name"] != NOWHERE]


def _told_to_wait(seconds: int) -> dict[str, Any]:
    return {"header": {"key": "retry-after", "value": str(seconds)}}


def _no_write(halt: Halt, name: str) -> dict[str, Any]:
    """A method that nobody here has heard of may write as well, so what reads is named, and not what writes."""
    read = {"name": ":method", "string_match": {"safe_regex": {"regex": "|".join(READING)}}, "invert_match": True}
    nowhere = {"name": NOWHERE, "weight": TOTAL, "response_headers_to_add": [_told_to_wait(halt.retry_after)]}
    return {
        "name": f"{WRITES};{name}",
        "match": {"prefix": "/", "headers": [read]},
        "route": {"weighted_clusters": {"clusters": [nowhere]}},
    }


def _preview(route: PreviewRoute) -> dict[str, Any]:
    """Without a healthy instance the router answers these requests itself (503): who asks for a preview by name is not
    given something else."""
    matched = {"name": route.header, "string_match": {"exact": route.value}}
    return {
        "name": f"{PREVIEW};{route}",
        "match": {"prefix": "/", "headers": [matched]},
        "route": {"timeout": UPSTREAM_TIMEOUT, "cluster": route.arm.name},
    }


def read(path: Path) -> Standing | None:
    """What the file says, None if there is no file. Raises :class:`Refused` if it is not ours to
    replace."""
    try:
        text = path.read_text()
    except FileNotFoundError:
        return None
    try:
        document = json.loads(text)
        routed = RouteState(*parse_version(document["version_info"]))
        return Standing(routed, *parse_host_name(document["resources"][0]["virtual_hosts"][0]["name"]))
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as wrong:
        raise Refused(
            f"the route file {path.name} does not say which epoch wrote it ({type(wrong).__name__})",
            next_step=f"look at {path}; if nobody else owns it, move it away and apply again",
        ) from wrong
