"""How long each restoration took, drill by drill, against the RTO: one SVG, without any library.

Scenarios are told apart by the shape of their marks and by their names, not by colour alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from tidegate.model.drill import DrillResult
from tidegate.report.markup import Markup, join, tag

WIDTH, HEIGHT, TOP, LEFT, RIGHT, BOTTOM = 900, 320, 60, 58, 80, 40  # pixels
FONT = 12
NAME = 130  # pixels for a scenario's name
MARK = 5  # half of a mark's width
_SHAPES = ("circle", "square", "triangle", "diamond")


def trend(results: Sequence[DrillResult], of: str = "Seconds until users were safe again") -> Markup:
    """``results``: oldest first; those that had nothing to restore are not drawn. A word if there is none."""
    shown = [one for one in results if one.restored is not None]
    if not shown:
        return tag("p", "Nothing to draw yet: no drill has restored anything.", class_="quiet")
    target = next((one.rto_target for one in reversed(shown) if one.rto_target is not None), None)
    highest = max([*(one.restored or 0.0 for one in shown), *([target] if target else [])])
    top = highest * 1.1 or 1.0
    names = list(dict.fromkeys(one.scenario.value for one in shown))
    lines = [_line(number, name, shown, top) for number, name in enumerate(names)]
    said = f"{of}, by drill, oldest on the left"
    parts: list[Markup | None] = [
        *(tag("title", said), tag("text", said, x=str(LEFT), y="16", class_="title")),
        *(_grid(top), *lines, _rto(target, top), _names(names), _days(shown)),
    ]
    return tag("svg", parts, viewBox=f"0 0 {WIDTH} {HEIGHT}", role="img", font_size=str(FONT))


def _x(index: int, count: int) -> float:
    wide = WIDTH - LEFT - RIGHT
    return LEFT + wide / 2 if count == 1 else LEFT + 12 + (wide - 24) * index / (count - 1)


def _y(seconds: float, top: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * seconds / top


def _line(number: int, name: str, shown: Sequence[DrillResult], top: float) -> Markup:
    """The scenario's marks, joined; one that failed is crossed out."""
    class_ = f"region-{number % 3 + 1}"
    mine = [(index, one) for index, one in enumerate(shown) if one.scenario.value == name]
    points = [(_x(index, len(shown)), _y(one.restored or 0.0, top), one) for index, one in mine]
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y, _ in points)
    marks = [_mark(_SHAPES[number % len(_SHAPES)], x, y, class_, _told(one)) for x, y, one in points]
    crosses = [_cross(x, y) for x, y, one in points if not one.ok]
    return join([tag("path", d=path, class_=class_), marks, crosses])


def _told(one: DrillResult) -> str:
    target = "" if one.rto_target is None else f", RTO {one.rto_target:g} s"
    day = " on a game day" if one.game_day else ""
    return f"{one.scenario.value}{day}: {one.restored:.2f} s{target}, {'passed' if one.ok else 'FAILED'}"


def _mark(shape: str, x: float, y: float, class_: str, words: str) -> Markup:
    corners: Mapping[str, Sequence[tuple[int, int]]] = {
        "square": ((-1, -1), (1, -1), (1, 1), (-1, 1)),
        "triangle": ((0, -1), (1, 1), (-1, 1)),
        "diamond": ((0, -1), (1, 0), (0, 1), (-1, 0)),
    }
    if shape == "circle":
        return tag("circle", tag("title", words), cx=f"{x:.1f}", cy=f"{y:.1f}", r=str(MARK), class_=class_)
    points = " ".join(f"{x + dx * MARK:.1f},{y + dy * MARK:.1f}" for dx, dy in corners[shape])
    return tag("polygon", tag("title", words), points=points, class_=class_)


def _cross(x: float, y: float) -> Markup:
    reach = MARK + 3
    lines = f"M{x - reach:.1f} {y - reach:.1f}l{2 * reach} {2 * reach}m0 {-2 * reach}l{-2 * reach} {2 * reach}"
    return tag("path", d=lines, class_="mark bad")


def _grid(top: float) -> Markup:
    rows = []
    for part in range(5):
        seconds = top * part / 4
        y = f"{_y(seconds, top):.1f}"
        rows.append(tag("line", x1=str(LEFT), x2=str(WIDTH - RIGHT), y1=y, y2=y, class_="grid"))
        rows.append(tag("text", f"{seconds:.3g} s", x=str(LEFT - 6), y=f"{float(y) + 4:.1f}", text_anchor="end"))
    return join(rows)


def _rto(target: float | None, top: float) -> Markup | None:
    if target is None:
        return None
    y = f"{_y(target, top):.1f}"
    line = tag("line", x1=str(LEFT), x2=str(WIDTH - RIGHT), y1=y, y2=y, class_="promise")
    return join([line, tag("text", f"RTO {target:g} s", x=str(WIDTH - RIGHT + 8), y=f"{float(y) + 4:.1f}")])


def _names(names: Sequence[str]) -> Markup:
    rows: list[Markup] = []
    for number, name in enumerate(names):
        x, class_ = LEFT + 12 + NAME * number, f"region-{number % 3 + 1}"
        rows.append(_mark(_SHAPES[number % len(_SHAPES)], x, 34, class_, name))
        rows.append(tag("text", name, x=str(x + 12), y="38"))
    return join(rows)


def _days(shown: Sequence[DrillResult]) -> Markup:
    """The first, the last and what fits between them."""
    return join(_day(index, shown) for index in _labelled(len(shown)))


def _labelled(count: int) -> Iterable[int]:
    every = max(1, -(-count // 6))
    return sorted({*range(0, count - every // 2 - 1, every), count - 1})


def _day(index: int, shown: Sequence[DrillResult]) -> Markup:
    day = datetime.fromtimestamp(shown[index].began, UTC).strftime("%m-%d %H:%M")
    return tag("text", day, x=f"{_x(index, len(shown)):.1f}", y=str(HEIGHT - 14), text_anchor="middle")
