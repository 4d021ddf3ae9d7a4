"""Weights, failures and latency over time, as one operation's rows and its guard's running history tell them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from tidegate.engine.guarding import HISTORY
from tidegate.engine.view import OperationView
from tidegate.journal.model import Event, EventKind
from tidegate.journal.store import Journal
from tidegate.model.traffic import TOTAL, Split

POINTS = 90  # drawn at most: more is noise on a phone
ROLES = ("stable", "candidate")
_MARKS = {
    EventKind.STOP_LOSS: "loss stopped",
    EventKind.TURNED_BACK: "turned back",
    EventKind.HELD: "paused",
    EventKind.RESUMED: "resumed",
    EventKind.APPROVAL_GIVEN: "approved",
}


def series(journal: Journal, view: OperationView, events: Iterable[Event], until: float) -> dict[str, Any]:
    """JSON. Times are seconds since the operation was opened. ``weights``: region -> [second, percent of the region's
    traffic that the candidate gets], each a change. ``points``: by bucket of ``width`` seconds, per role."""
    rows = list(events)
    document = journal.evidence(view.service, view.id, HISTORY)
    points, width = _points(document, view.opened_at, until)
    return {
        "seconds": round(max(until - view.opened_at, 1.0), 1),
        "width": width,
        "weights": _weights(view, rows),
        "points": points,
        "marks": [{"at": round(e.at - view.opened_at, 1), "what": _MARKS[e.kind]} for e in rows if e.kind in _MARKS],
    }


def _weights(view: OperationView, events: Iterable[Event]) -> dict[str, list[list[float]]]:
    """What the journal says was written and read back at the router."""
    regions = list(view.plan.settings["region_order"])
    changes: dict[str, list[list[float]]] = {region: [] for region in regions}
    splits = [(0.0, view.bound_split)] if view.bound_split else []
    for event in events:
        text = (event.body.get("facts") or {}).get("split") if event.kind is EventKind.STEP_VERIFIED else None
        if text:
            splits.append((round(event.at - view.opened_at, 1), Split.parse(text)))
    for at, split in splits:
        for region in regions:
            percent = float(split.within_region(view.binding.arm(region, "candidate"))) * 100
            if not changes[region] or changes[region][-1][1] != percent:
                changes[region].append([at, percent])
    return changes


def _points(document: Mapping[str, Any] | None, since: float, until: float) -> tuple[list[dict[str, Any]], float]:
    """The history in at most :data:`POINTS` buckets, over all regions."""
    if not document or not document["points"]:
        return [], 0.0
    own = float(document["width"])
    width = own * max(1, math.ceil((until - since) / (POINTS * own)))
    buckets: dict[int, dict[str, list[float]]] = {}
    for point in document["points"]:
        if not since - own <= point["at"] <= until:
            continue
        bucket = buckets.setdefault(max(0, int((point["at"] - since) // width)), {})
        for name, figures in point["arms"].items():
            _add(bucket.setdefault(name.rpartition(" ")[2], [0, 0, 0.0, 0.0]), figures)
    return [_point(index * width, cells) for index, cells in sorted(buckets.items())], width


def _add(cell: list[float], figures: list[float]) -> None:
    requests, failed, p50, p99 = figures
    cell[2] = (cell[2] * cell[0] + p50 * requests) / (cell[0] + requests)
    cell[0], cell[1], cell[3] = cell[0] + requests, cell[1] + failed, max(cell[3], p99)


def _point(at: float, cells: Mapping[str, list[float]]) -> dict[str, Any]:
    figures = {
        role: {"requests": int(c[0]), "failed": int(c[1]), "p50": round(c[2], 1), "p99": round(c[3], 1)}
        for role, c in cells.items()
    }
    return {"at": round(max(at, 0.0), 1), **figures}


def weights_of(split: Split | None, view: OperationView) -> dict[str, dict[str, float]]:
    """Region -> its share of all traffic and the candidate's part of it, percent."""
    if split is None:
        return {}
    return {
        region: {
            "share": split.region_share(region) * 100 / TOTAL,
            "candidate": float(split.within_region(view.binding.arm(region, "candidate"))) * 100,
        }
        for region in view.plan.settings["region_order"]
    }
