"""Weights over time with failures and latency beneath: one SVG, drawn from the series, without any library.

Two widths are drawn, one for phones, since text in a picture shrinks with it; the style sheet shows the one that fits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tidegate.report.markup import Markup, join, tag

PANEL, GAP, TOP, LEFT, RIGHT, BOTTOM = 110, 36, 24, 58, 12, 24  # pixels
FONT = 12
NAME = 74  # pixels for a line's name
NARROW = 400  # pixels up to which a picture is for phones
Point = tuple[float, float]


@dataclass(frozen=True)
class Line:
    """``points`` in seconds and the panel's unit; None breaks it. ``step``: a value holds until the next."""

    class_: str
    points: Sequence[Point | None]
    name: str = ""


@dataclass(frozen=True)
class Panel:
    """One strip. ``top``: the highest value shown. ``promise``: a limit that users were promised, if any."""

    title: str
    lines: Sequence[Line]
    top: float
    unit: str
    promise: float | None = None


def chart(series: Mapping[str, Any], objectives: Mapping[str, float] | None = None) -> Markup:
    """The picture, or a word that there is nothing to draw yet."""
    if not any(series["weights"].values()) and not series["points"]:
        return tag("p", "Nothing to draw yet: no weight was set and no request was seen.", class_="quiet")
    panels = [_weights(series), _failures(series), _latency(series, objectives or {})]
    return join(
        [
            tag("div", _svg(series, panels, 900), class_="wide"),
            tag("div", _svg(series, panels, NARROW - 20), class_="narrow"),
        ]
    )


def _weights(series: Mapping[str, Any]) -> Panel:
    end = series["seconds"]
    lines = []
    for number, (region, changes) in enumerate(series["weights"].items(), start=1):
        points: list[Point | None] = []
        for at, percent in changes:
            points += [(at, points[-1][1])] if points and points[-1] else []
            points.append((at, percent))
        last = points[-1] if points else None
        lines.append(Line(f"region-{number}", [*points, (end, last[1])] if last else [], region))
    return Panel("Candidate's weight in each region", lines, 100, "%")


def _failures(series: Mapping[str, Any]) -> Panel:
    lines = _by_role(series, lambda cell: cell["failed"] * 100 / cell["requests"])
    return Panel("Failed requests", lines, _ceiling(lines, 1.0), "%")


def _latency(series: Mapping[str, Any], objectives: Mapping[str, float]) -> Panel:
    lines = _by_role(series, lambda cell: cell["p99"])
    promise = objectives.get("latency_p99")
    return Panel("Latency, p99", lines, _ceiling(lines, 50.0), "ms", promise * 1000 if promise else None)


def _by_role(series: Mapping[str, Any], value: Callable[[Mapping[str, Any]], float]) -> list[Line]:
    width = series["width"] or 1.0
    found = []
    for role in ("stable", "candidate"):
        points: list[Point | None] = []
        before = None
        for point in series["points"]:
            if role not in point:
                continue
            if before is not None and point["at"] - before > 3 * width:
                points.append(None)
            before = point["at"]
            points.append((min(point["at"] + width / 2, series["seconds"]), value(point[role])))
        found.append(Line(role, points, role))
    return found


def _ceiling(lines: Iterable[Line], least: float) -> float:
    """A round number above every value: 1, 2 or 5 times a power of ten."""
    highest = max([least, *(p[1] for line in lines for p in line.points if p)])
    step = 10.0 ** (len(str(int(highest))) - 1)
    return next(step * n for n in (1, 2, 5, 10) if step * n >= highest)


def _svg(series: Mapping[str, Any], panels: Sequence[Panel], width: int) -> Markup:
    height = len(panels) * (PANEL + GAP) + BOTTOM
    end = float(series["seconds"])
    parts: list[Markup] = []
    for index, panel in enumerate(panels):
        parts.append(_panel(panel, TOP + index * (PANEL + GAP), width, end))
    bottom = TOP + (len(panels) - 1) * (PANEL + GAP) + PANEL
    parts.append(_marks(series["marks"], bottom, width, end))
    parts.append(_times(bottom, width, end))
    return tag(
        "svg",
        tag("title", "Weights, failed requests and latency over time"),
        parts,
        viewBox=f"0 0 {width} {height}",
        role="img",
        font_size=str(FONT),
    )


def _x(at: float, width: int, end: float) -> float:
    return LEFT + (width - LEFT - RIGHT) * min(max(at, 0.0), end) / end


def _panel(panel: Panel, top: int, width: int, end: float) -> Markup:
    def y(value: float) -> float:
        return top + PANEL - PANEL * min(value, panel.top) / panel.top

    grid = [_grid(panel, y(value), value, width) for value in (0, panel.top / 2, panel.top)]
    lines = [tag("path", d=_path(line.points, width, end, y), class_=line.class_) for line in panel.lines]
    if panel.promise is not None and panel.promise <= panel.top:
        lines.append(_horizontal(y(panel.promise), width, "promise"))
    words = panel.title if width > NARROW else panel.title.partition(" in ")[0]
    title = tag("text", words, x=str(LEFT), y=str(top - 8), class_="title")
    names = [
        tag("text", line.name, x=str(width - RIGHT - NAME * (len(panel.lines) - 1 - i)), y=str(top - 8),
            text_anchor="end", class_=line.class_)
        for i, line in enumerate(panel.lines)
        if line.name
    ]  # fmt: skip
    return join([title, names, grid, lines])


def _grid(panel: Panel, at: float, value: float, width: int) -> Markup:
    label = tag("text", f"{value:g} {panel.unit}", x=str(LEFT - 6), y=f"{at + 4:.1f}", text_anchor="end")
    return join([_horizontal(at, width, "grid"), label])


def _horizontal(at: float, width: int, class_: str) -> Markup:
    return tag("line", x1=str(LEFT), x2=str(width - RIGHT), y1=f"{at:.1f}", y2=f"{at:.1f}", class_=class_)


def _path(points: Sequence[Point | None], width: int, end: float, y: Callable[[float], float]) -> str:
    text, pen = "", "M"
    for point in points:
        if point is None:
            pen = "M"
            continue
        text += f"{pen}{_x(point[0], width, end):.1f} {y(point[1]):.1f}"
        pen = "L"
    return text


def _marks(marks: Sequence[Mapping[str, Any]], bottom: int, width: int, end: float) -> Markup:
    """A line through all panels for what people and the guard did; its word beside it, on the side with room."""
    drawn = []
    for number, mark in enumerate(marks):
        x = _x(mark["at"], width, end)
        bad = "bad" if mark["what"] in ("loss stopped", "turned back") else ""
        anchor, gap = ("end", -4) if x > width * 0.7 else ("start", 4)
        words = tag("text", mark["what"], x=f"{x + gap:.1f}", y=str(TOP + 12 + 14 * (number % 4)), text_anchor=anchor,
                    class_=bad)  # fmt: skip
        drawn += [tag("line", x1=f"{x:.1f}", x2=f"{x:.1f}", y1=str(TOP), y2=str(bottom), class_=f"mark {bad}"), words]
    return join(drawn)


def _times(bottom: int, width: int, end: float) -> Markup:
    count = 4 if width > NARROW else 2
    labels = []
    for index in range(count + 1):
        at = end * index / count
        anchor = "start" if index == 0 else "end" if index == count else "middle"
        labels.append(
            tag("text", _clock(at, end), x=f"{_x(at, width, end):.1f}", y=str(bottom + 18), text_anchor=anchor)
        )
    return join(labels)


def _clock(seconds: float, end: float) -> str:
    """One unit along the whole axis."""
    return f"{seconds:.0f} s" if end < 180 else f"{int(seconds // 60)}:{int(seconds % 60):02d} min"
