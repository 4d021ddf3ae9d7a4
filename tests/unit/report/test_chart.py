"""The picture: weights, failures and latency in three strips, for a desktop and for a phone."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

from tidegate.report.chart import chart


def series(**changes: Any) -> dict[str, Any]:
    cell = {"requests": 100, "failed": 2, "p50": 10.0, "p99": 120.0}
    points = [{"at": float(at), "stable": cell, "candidate": {**cell, "failed": at}} for at in range(0, 60, 2)]
    weights = {"east": [[0.0, 0.0], [5.0, 5.0], [20.0, 50.0]], "west": [[0.0, 0.0]]}
    whole = {"seconds": 60.0, "width": 2.0, "weights": weights, "points": points, "marks": []}
    return whole | changes


def test_it_is_drawn_for_both_widths_without_anything_from_outside() -> None:
    drawn = chart(series())
    assert re.findall(r'viewBox="0 0 (\d+)', drawn) == ["900", "380"]
    assert re.findall(r"href|url\(|<script|style=", drawn) == []
    for title in ("weight in each region", "Failed requests", "Latency, p99"):
        assert title in drawn


def test_every_coordinate_is_inside_the_picture() -> None:
    for text, width in zip(re.split(r"(?=<svg)", chart(series()))[1:], (900, 380), strict=True):
        numbers = re.findall(r"[ML]([\d.]+) ([\d.]+)", text)
        assert numbers
        assert all(0 <= float(x) <= width and 0 <= float(y) <= 500 for x, y in numbers)


def test_a_weight_holds_until_it_is_changed() -> None:
    path = re.search(r'<path d="([^"]*)" class="region-1"', chart(series()))
    assert path is not None
    corners = [tuple(map(float, pair)) for pair in re.findall(r"([\d.]+) ([\d.]+)", path[1])]
    assert all(x1 == x2 or y1 == y2 for (x1, y1), (x2, y2) in pairwise(corners))


def test_the_scale_holds_the_highest_value() -> None:
    assert "100 %" in chart(series())
    assert "200 ms" in chart(series())


def test_what_was_done_is_marked_in_words_that_are_escaped() -> None:
    drawn = chart(series(marks=[{"at": 30.0, "what": "loss stopped"}, {"at": 59.0, "what": "<b>"}]))
    assert "loss stopped" in drawn
    assert "&lt;b&gt;" in drawn


def test_a_gap_is_no_line() -> None:
    cell = {"requests": 10, "failed": 0, "p50": 1.0, "p99": 1.0}
    points = [{"at": 0.0, "stable": cell}, {"at": 2.0, "stable": cell}, {"at": 50.0, "stable": cell}]
    path = re.search(r'<path d="([^"]*)" class="stable"', chart(series(points=points)))
    assert path is not None
    assert path[1].count("M") == 2


def test_nothing_to_draw_is_said() -> None:
    assert "Nothing to draw yet" in chart(series(points=[], weights={"east": []}))


def test_a_long_operation_has_one_unit_along_its_axis() -> None:
    labels = re.findall(r">([^<]*(?: s| min))<", chart(series(seconds=600.0)))
    assert labels[:5] == ["0:00 min", "2:30 min", "5:00 min", "7:30 min", "10:00 min"]
