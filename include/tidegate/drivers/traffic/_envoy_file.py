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
that there is not. Who halted them last, or let them through again, stands behind that in the host's name,
``|<epoch>;<Retry-After>``.

While an endpoint class is on a detour, the classes up to it have a route each, in the policy's order, since the first
that matches wins; the name of such a route has the split that the class itself has. Who sent it there last, or home,
stands at the end of the host's name, ``|<epoch>;<class>><region>,…``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tidegate.drivers.traffic.contract import DetourState, PreviewState, RouteState, WritesState
from tidegate.errors import Refused
from tidegate.model.admission import EVERYBODY, Admission
from tidegate.model.detour import Detour, detoured
from tidegate.model.preview_arm import PreviewRoute
from tidegate.model.traffic import OTHER, TOTAL, Endpoint, Split
from tidegate.model.writes import READING, Halt

ROUTE_CONFIG = "tidegate"  # name of the route configuration, in the listener and in the file
TYPE = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"
HOST = "all"  # the virtual host
NOWHERE = "not-admitted"  # no cluster has this name
PREVIEW = "preview"  # how the name of a preview's route begins, in the file and in the access log
WRITES = "writes"  # likewise of the route that turns writes away
NO_PREVIEW = PreviewState(0, None)
NO_HALT = WritesState(0, None)
NO_DETOUR = DetourState(0)
UPSTREAM_TIMEOUT = "15s"  # a request's longest stay at the edge; the shop holds writes for 5 s at most


@dataclass(frozen=True)
class Standing:
    """Everything that one route file says."""

    routed: RouteState
    preview: PreviewState = NO_PREVIEW
    writes: WritesState = NO_HALT
    detours: DetourState = NO_DETOUR

    @property
    def host_name(self) -> str:
        """The virtual host's name: ``all`` where nothing ever stood beside the split."""
        shown = f"{HOST};{self.preview.epoch};{self.preview.route or ''}" if self.preview != NO_PREVIEW else HOST
        halted = f"{self.writes.epoch};{self.writes.halt or ''}" if self.writes != NO_HALT else ""
        detours = f"{self.detours.epoch};{','.join(map(str, self.detours.detours))}"
        return f"{shown}|{halted}|{detours if self.detours != NO_DETOUR else ''}".rstrip("|")


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


def beside(routed: RouteState, host_name: str) -> Standing:
    """With what stands beside the split by the virtual host's name: inverse of :attr:`Standing.host_name`. Raises
    ValueError."""
    shown, halted, detours, *more = (*host_name.split("|"), "", "")[:4]
    if any(more):
        raise ValueError(f"not a virtual host of ours: {host_name[:80]!r}")
    return Standing(routed, _parse_preview(shown), _parse_writes(halted), _parse_detours(detours))


def _parse_preview(text: str) -> PreviewState:
    if text == HOST:
        return NO_PREVIEW
    host, epoch, route = (*text.split(";", 2), "", "")[:3]
    if host != HOST or not epoch.isascii() or not epoch.isdigit():
        raise ValueError(f"not a virtual host of ours: {text[:80]!r}")
    return PreviewState(int(epoch), PreviewRoute.parse(route) if route else None)


def _parse_writes(text: str) -> WritesState:
    epoch, halt = _of_its_own(text, "halt of writes")
    return WritesState(epoch, Halt.parse(halt) if halt else None)


def _parse_detours(text: str) -> DetourState:
    epoch, detours = _of_its_own(text, "list of detours")
    return DetourState(epoch, tuple(Detour.parse(one) for one in detours.split(",") if one))


def _of_its_own(text: str, what: str) -> tuple[int, str]:
    """``<epoch>;<rest>``; 0 and nothing where there never was one."""
    epoch, found, rest = text.partition(";")
    if text and (not found or not epoch.isascii() or not epoch.isdigit()):
        raise ValueError(f"not a {what}: {text[:80]!r}")
    return int(epoch or 0), rest


def render(standing: Standing, session_cookie: str, endpoints: Sequence[Endpoint] = ()) -> dict[str, Any]:
    """The discovery response for Envoy. No retries: the judge and the user see the same answer (and a POST is never
    sent twice). Clusters stand in the split's order, which is what makes a sticky session's way back monotone.

    ``endpoints``: the policy's classes in their order, of use where one is on a detour. There must be a split."""
    routed = standing.routed
    assert routed.split is not None, "nobody writes a route file without a split"
    name = version(routed.epoch, routed.split, routed.admission)
    first = [_no_write(standing.writes.halt, name)] if standing.writes.halt else []
    shown = [_preview(standing.preview.route)] if standing.preview.route else []
    routes = [*first, *shown, *_classes(standing, session_cookie, endpoints)]
    host = {"name": standing.host_name, "domains": ["*"], "routes": routes}
    return {
        "version_info": name,
        "resources": [{"@type": TYPE, "name": ROUTE_CONFIG, "virtual_hosts": [host]}],
    }


def _classes(standing: Standing, cookie: str, endpoints: Sequence[Endpoint]) -> Iterator[dict[str, Any]]:
    """A route for each class up to the last that is on a detour, and the one for all the rest, always the last. Its
    name is the split's even if the rest is on a detour, since the name is what the router is asked for."""
    away = {one.endpoint: one.to for one in standing.detours.detours}
    upto = max((number for number, one in enumerate(endpoints, 1) if one.name in away), default=0)
    upto = len(endpoints) if OTHER in away else upto
    for one in endpoints[:upto]:
        yield _class_route(standing.routed, _match(one), away.get(one.name), cookie)
    if OTHER in away:
        yield _class_route(standing.routed, {"prefix": "/"}, away[OTHER], cookie)
    yield _class_route(standing.routed, {"prefix": "/"}, None, cookie)


def _match(endpoint: Endpoint) -> dict[str, Any]:
    if not endpoint.methods:
        return {"prefix": endpoint.prefix}
    methods = {"name": ":method", "string_match": {"safe_regex": {"regex": "|".join(endpoint.methods)}}}
    return {"prefix": endpoint.prefix, "headers": [methods]}


def _class_route(routed: RouteState, match: dict[str, Any], to: str | None, cookie: str) -> dict[str, Any]:
    assert routed.split is not None
    split = routed.split if to is None else detoured(routed.split, to)
    return {
        "name": version(routed.epoch, split, routed.admission),
        "match": match,
        "route": {
            "timeout": UPSTREAM_TIMEOUT,
            "weighted_clusters": {"use_hash_policy": True, "clusters": _clusters(split, routed.admission)},
            "hash_policy": [{"cookie": {"name": cookie}}],
        },
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
        return beside(routed, document["resources"][0]["virtual_hosts"][0]["name"])
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as wrong:
        raise Refused(
            f"the route file {path.name} does not say which epoch wrote it ({type(wrong).__name__})",
            next_step=f"look at {path}; if nobody else owns it, move it away and apply again",
        ) from wrong
