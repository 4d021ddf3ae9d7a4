"""The region that is left carries too little: who was turned away, whether those who were served fared well, and in
which order things came back. From the users' own record, and from the logs of the router and of the flags' source."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import dropwhile
from pathlib import Path
from typing import Any

from lab.load.journal import TURNED_AWAY, Request, entries
from lab.places import Places
from lab.story.users_saw import users
from tidegate.model.admission import EVERYBODY, Admission
from tidegate.model.traffic import TOTAL

SETTLED_AFTER = 2.0  # seconds from the first limited route until every request is routed by it, on a busy machine
ESSENTIAL = ("checkout", "browse")


def told(places: Places, load: Path, operation: str, until: float) -> dict[str, Any]:
    """See :func:`figures`."""
    routes = _lines(places.lab / "edge" / "routes.yaml.log", operation)
    flags = _lines(places.flags.with_name(places.flags.name + ".log"), operation)
    return figures(entries(load)[0], routes, flags, until)


def figures(
    requests: Sequence[Request], routes: Sequence[Mapping[str, Any]], flags: Sequence[Mapping[str, Any]], until: float
) -> dict[str, Any]:
    """``stages``: seconds since the first limited route, and basis points of the sessions that were admitted then.
    ``served``: by class, what users met who were not turned away. ``turned_away``: requests; ``sent_off``: sessions
    that were served under this route, and turned away later. ``flags``: in the order in which they were written. Pure.
    """
    limited = dropwhile(lambda row: "admission" not in row, routes)
    stages = [(float(row["at"]), _admitted(row)) for row in limited]
    if not stages:
        return {"stages": [], "served": {}, "turned_away": 0, "sent_off": 0, "flags": []}
    began = stages[0][0]
    seen = [r for r in requests if began + SETTLED_AFTER <= r.at < until]
    served = [r for r in seen if r.error != TURNED_AWAY]
    classes = {name: [r for r in served if (r.endpoint == "checkout") is (name == "checkout")] for name in ESSENTIAL}
    written = [(round(float(row["at"]) - began, 2), dict(row["flags"])) for row in flags]
    return {
        "stages": [(round(at - began, 2), admitted) for at, admitted in stages],
        "served": {name: asdict(users(found)) for name, found in classes.items()},
        "turned_away": len(seen) - len(served),
        "sent_off": _sent_off(seen),
        "flags": written,
    }


def _admitted(row: Mapping[str, Any]) -> int:
    return Admission.parse(str(row.get("admission") or EVERYBODY)).admitted


def _sent_off(requests: Sequence[Request]) -> int:
    """Sessions that were served, and asked to come again after that."""
    served, off = set[str](), set[str]()
    for request in sorted(requests, key=lambda r: r.at):
        if request.session and request.error == TURNED_AWAY:
            off |= {request.session} & served
        elif request.session:
            served.add(request.session)
    return len(off)


def complaints(
    found: Mapping[str, Any] | None, availability: float, p99: float, degraded: Sequence[str]
) -> Iterator[str]:
    """Everything that is not as it should be. ``availability``, ``p99`` (seconds): what users are promised;
    ``degraded``: flags that go off first and come back last, the last of them first. Pure."""
    if found is None:
        yield "nobody looked at who was turned away"
        return
    parts = [part for _, part in found["stages"]]
    if len(parts) < 3 or parts != sorted(parts) or parts[0] == TOTAL or parts[-1] != TOTAL:
        yield f"expected a part of the sessions at first, more by stages, and everybody in the end, got {parts}"
    if not found["turned_away"]:
        yield "nobody was turned away: there was room enough"
    if found["sent_off"]:
        yield f"sessions that were served and turned away later: expected 0, got {found['sent_off']}"
    for name in ESSENTIAL:
        yield from _objective(name, found["served"].get(name), availability, p99)
    yield from _features(found, degraded)


def _objective(name: str, seen: Mapping[str, Any] | None, availability: float, p99: float) -> Iterator[str]:
    if not seen or not seen["requests"]:
        yield f"{name}: nobody was served"
        return
    if seen["failed"] > seen["requests"] * (1 - availability):
        yield f"{name}: {seen['failed']} of {seen['requests']} failed, promised {availability:.2%} of those admitted"
    if seen["p99_ms"] > p99 * 1000:
        yield f"{name}: p99 {seen['p99_ms']} ms, promised {p99 * 1000:g} ms"


def _features(found: Mapping[str, Any], degraded: Sequence[str]) -> Iterator[str]:
    """Off before a stage of the admission, and back behind the last, each by itself."""
    written, stages = found["flags"], found["stages"]
    order = [sorted(flags) for _, flags in written]
    if order != [sorted(degraded), *([flag] for flag in reversed(degraded))]:
        yield f"features: expected {', '.join(degraded)} off at once, and back one by one, got {written}"
    elif len(stages) > 1 and not (written[0][0] <= stages[1][0] and stages[-1][0] <= written[1][0]):
        yield f"features: expected off before {stages[1]} and back after {stages[-1]}, got {written}"


def _lines(path: Path, operation: str) -> list[dict[str, Any]]:
    rows = (json.loads(line) for line in path.read_text().splitlines()) if path.exists() else ()
    return [row for row in rows if row.get("operation") == operation]
