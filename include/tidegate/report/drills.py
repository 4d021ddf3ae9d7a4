"""Drills as text: the trend, and one drill's rows. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from tidegate.engine.drills import Held
from tidegate.model.drill import DrillResult

_HEAD = (
    "when (UTC)",
    "scenario",
    "",
    "detect",
    "decide",
    "wait",
    "act",
    "verify",
    "served",
    "RTO",
    "behind",
    "failed",
    "lost",
)


def trend_lines(service: str, held: Sequence[Held], most: int = 10) -> Iterator[str]:
    """A line for each scenario of the newest drills, oldest first; beneath each what was wrong, or slower."""
    if not held:
        yield f"{service}: no drill was ever held"
        return
    rows = [(result, _row(result)) for one in held[-most:] for result in one.results]
    widths = [max(len(cell) for cell in column) for column in zip(_HEAD, *(row for _, row in rows), strict=True)]
    yield _line(_HEAD, widths)
    for result, row in rows:
        yield _line(row, widths)
        yield from (f"    {one}" for one in (*result.wrong, *(f"slower: {said}" for said in result.flagged)))
    for one in held[-most:]:
        yield from (f"{one.id}: {said}" for said in one.wrong)
        if one.ended is None:
            yield f"{one.id}: not at its end; {one.phase}"
    yield _verdict(service, held)


def _verdict(service: str, held: Sequence[Held]) -> str:
    newest = held[-1]
    passed = sum(result.ok for result in newest.results)
    word = "passed" if newest.ok else "FAILED" if newest.ended is not None else "is held"
    return f"{service}: {newest.id} {word}: {passed} of {len(newest.scenarios)} scenarios passed"


def _row(result: DrillResult) -> tuple[str, ...]:
    times = result.times
    when = datetime.fromtimestamp(result.began, UTC).strftime("%m-%d %H:%M")
    parts = (times.detect, times.decide, times.wait, times.act, times.verify, result.restored)
    target = "" if result.rto_target is None else f"{result.rto_target:g} s"
    users = f"{result.users.failed} of {result.users.requests}"
    lost = "?" if result.users.lost is None else str(result.users.lost)
    word = "passed" if result.ok else "FAILED"
    name = f"{result.scenario.value}, game day" if result.game_day else result.scenario.value
    return (when, name, word, *map(_seconds, parts), target, _seconds(result.behind), users, lost)


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.2f} s"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
