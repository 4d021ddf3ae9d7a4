"""The candidate's part of all traffic over time, as a picture without any library or outside asset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tidegate.engine.view import OperationView
from tidegate.journal.model import Event
from tidegate.model.traffic import Split

WIDTH, HEIGHT, LEFT, BOTTOM = 720, 180, 44, 26


def timeline(view: OperationView | None, events: Sequence[Event], since: float) -> list[dict[str, Any]]:
    """Seconds since the trigger, kind, node, actor, words: what the report draws."""
    rows = []
    for event in events:
        node = event.body.get("node")
        words = event.body.get("detail") or event.body.get("why") or ""
        row = {"at": round(event.at - since, 2), "kind": event.kind.value, "node": node, "actor": event.actor}
        rows.append({**row, "words": str(words)[:300], "split": (event.body.get("facts") or {}).get("split")})
    return rows


def weights_drawing(timeline: Sequence[Mapping[str, Any]]) -> str:
    """SVG of a step line; a red line where the loss was stopped. Empty text if no weight ever changed."""
    splits = [(e["at"], Split.parse(e["split"])) for e in timeline if e.get("split")]
    if not splits:
        return ""
    end = max(e["at"] for e in timeline) or 1.0
    newcomer = _newcomer([s for _, s in splits])
    points = _steps([(at, sum(w for arm, w in s.weights if arm.slot == newcomer)) for at, s in splits], end)
    stops = [e["at"] for e in timeline if e["kind"] == "stop_loss"]
    return (
        f"<svg viewBox='0 0 {WIDTH} {HEIGHT}' role=img aria-label='candidate traffic over time' font-size=11 "
        f"fill=currentColor>{_axes(end)}<path d='{_path(points, end)}' fill=none stroke=#2f81f7 stroke-width=2 />"
        f"{''.join(_stop(at, end) for at in stops)}</svg>"
    )


def _newcomer(every: Sequence[Split]) -> str:
    """The slot that began with less: the candidate's."""
    totals = {slot: [sum(w for a, w in s.weights if a.slot == slot) for s in every] for slot in ("a", "b")}
    return min(totals, key=lambda slot: totals[slot][0])


def _steps(values: Sequence[tuple[float, int]], end: float) -> list[tuple[float, float]]:
    points, before = [(0.0, 0.0)], 0.0
    for at, weight in values:
        points += [(at, before), (at, weight / 100)]
        before = weight / 100
    return [*points, (end, before)]


def _x(at: float, end: float) -> float:
    return LEFT + (WIDTH - LEFT - 8) * at / end


def _y(percent: float) -> float:
    return (HEIGHT - BOTTOM) - (HEIGHT - BOTTOM - 20) * percent / 100


def _path(points: Sequence[tuple[float, float]], end: float) -> str:
    return "M" + " L".join(f"{_x(at, end):.1f} {_y(percent):.1f}" for at, percent in points)


def _axes(end: float) -> str:
    rows = "".join(
        f"<line x1={LEFT} x2={WIDTH - 8} y1={_y(p):.1f} y2={_y(p):.1f} stroke=currentColor stroke-opacity=.15 />"
        f"<text x={LEFT - 6} y={_y(p) + 4:.1f} text-anchor=end>{p}%</text>"
        for p in (0, 25, 50, 75, 100)
    )
    ticks = "".join(_tick(end * i / 4, end, "end" if i == 4 else "middle") for i in range(5))
    title = f"<text x={LEFT} y=9 fill-opacity=.7>candidate's part of all traffic</text>"
    return rows + ticks + title


def _stop(at: float, end: float) -> str:
    x = _x(at, end)
    return (
        f"<line x1={x:.1f} x2={x:.1f} y1=20 y2={HEIGHT - BOTTOM} stroke=#cf222e stroke-width=1.5 stroke-dasharray=4 />"
        f"<text x={x + 4:.1f} y=30 fill=#cf222e>loss stopped</text>"
    )


def _tick(at: float, end: float, anchor: str) -> str:
    return f"<text x={_x(at, end):.1f} y={HEIGHT - 6} text-anchor={anchor}>{at:.0f} s</text>"
