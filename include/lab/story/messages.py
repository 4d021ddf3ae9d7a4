"""Whether each acknowledged order's message was sent once, by the receiver's own record."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lab import inbox
from lab.load import records
from lab.story.measure import Ran, longest_gap
from lab.story.stage import Stage

ALL_WITHIN = 30.0  # seconds for the last message of a run


def of_run(stage: Stage, ran: Ran) -> dict[str, Any]:
    """The run's figures, once the last message is there or was waited for long enough."""
    keys = records.orders_acknowledged(stage.load_dir, ran.since, ran.until)
    deadline = time.monotonic() + ALL_WITHIN
    while True:
        found = figures(keys, inbox.arrivals(stage.lab.places.inbox), ran.since, ran.until)
        if not found["missing"] or time.monotonic() >= deadline:
            return found
        time.sleep(0.5)


def figures(keys: Sequence[str], arrivals: Sequence[Mapping[str, Any]], since: float, until: float) -> dict[str, Any]:
    """Of the acknowledged orders ``keys``. ``missing``: nothing arrived for them. ``again``: arrivals on the wire
    beyond the first of a key. ``taken_twice``: keys that the receiver took more than once. ``longest_pause``: seconds
    within the run in which nothing was taken. ``epochs``: under which epoch how many were taken, in order."""
    asked = set(keys)
    mine = [line for line in arrivals if line["key"] in asked]
    taken = [line for line in mine if line["taken"]]
    times = Counter(line["key"] for line in taken)
    return {
        "acknowledged": len(asked),
        "arrived": len(times),
        "missing": len(asked) - len(times),
        "again": len(mine) - len({line["key"] for line in mine}),
        "taken_twice": sum(count > 1 for count in times.values()),
        "longest_pause": longest_gap([line["at"] for line in taken], since, until),
        "epochs": dict(Counter(line["epoch"] for line in taken)),
    }


def complaints(found: Mapping[str, Any] | None, most_lost: int) -> Iterator[str]:
    """Pure. ``most_lost``: acknowledged orders that may be gone, and their messages with them."""
    if found is None:
        return
    if found["missing"] > most_lost:
        yield f"messages that never arrived: expected {most_lost} at most, got {found['missing']}"
    if found["taken_twice"]:
        yield f"messages taken twice: expected 0, got {found['taken_twice']}"
