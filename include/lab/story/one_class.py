"""One endpoint class fails in one region under load: the guard moves its route alone, and a person brings it home.

Six of ten checkouts fail in the first region, before any write; nothing else does, and nothing at all in the second.
Clocks: the users' own for what they saw, this process's for the rest.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from lab.airflow_api import await_value
from lab.load.journal import entries
from lab.load.records import SETTLE
from lab.places import REGIONS, no_faults
from lab.progress import Progress
from lab.story import unasked
from lab.story.disturb import turn
from lab.story.scenario import Scenario
from lab.story.stage import SERVICE, Stage
from lab.story.users_saw import CHECKOUT, Users, by_class
from lab.story.writer_probe import WriterProbe
from tidegate.engine import detours
from tidegate.engine.facts import FACT_KINDS, fold_facts

FIRST, SECOND = REGIONS
PART = 0.6  # of them fail
STEADY = 10.0  # seconds of users before it fails, while it is away, and once it is home
MOVED_WITHIN = 30.0
UNDER_WAY = 1.0  # seconds: what was routed before may still be answered
BY = ("--by", "cat", "--reason", "checkouts are mended in east")


@dataclass(frozen=True)
class Moved:
    """``after``: seconds from the fault until its route was moved. ``seen``: what users saw, by ``failing checkout``,
    ``away browse`` and so on. ``detour``: which class went where, and by whom. ``routes``: what was written."""

    after: float
    seen: Mapping[str, Users]
    detour: tuple[str, str, str]
    routes: int
    split_moved: bool


def play(stage: Stage, scenario: Scenario, progress: Progress) -> dict[str, Any]:
    """The scenario's row in the report: from :data:`STEADY` before until as long after it is home."""
    before, began = stage.journal.head(SERVICE).seq, time.time()
    with WriterProbe(stage) as probe:
        moved, until = _watch(stage, progress)
    others, found = unasked.opened_since(stage, before), {"one_class": asdict(moved)}
    wrong, seconds = list(mistakes(moved)), {"moved": moved.after}
    return unasked.row(stage, scenario, (began, until), probe.told(), seconds, None, others, found=found, wrong=wrong)


def mistakes(moved: Moved) -> Iterator[str]:
    """Everything that is not as it should be. Pure."""
    for name, seen in moved.seen.items():
        if name == f"failing {CHECKOUT}":
            if not seen.failed:
                yield "no checkout failed: nothing was to be answered"
        elif seen.failed or not seen.requests:
            yield f"{name}: {seen.failed} of {seen.requests} failed"
    if moved.detour != (CHECKOUT, SECOND, "guard"):
        yield f"on a detour: expected {CHECKOUT} to {SECOND} by the guard, got {moved.detour}"
    if moved.routes != 2 or moved.split_moved:
        yield f"routes: expected one write there and one home, got {moved.routes}, the split moved: {moved.split_moved}"


def _watch(stage: Stage, progress: Progress) -> tuple[Moved, float]:
    """What happened, and until when users are counted."""
    began = time.time()
    stage.let_pass(STEADY)
    failed = time.time()
    turn(stage, {_stable(stage): {"checkout_failures": PART}}, (FIRST,))
    try:
        after = await_value(lambda: _moved(stage, failed), MOVED_WITHIN, "no route is moved", 0.05)
        progress.say(f"  checkouts fail in {FIRST}; they go to {SECOND} alone after {after:.2f} s")
        away = time.time() + UNDER_WAY
        stage.let_pass(STEADY + UNDER_WAY)
    finally:
        no_faults(stage.lab.places)
    mended = time.time()
    (one,) = detours.standing(stage.journal, SERVICE)
    stage.let_pass(UNDER_WAY)  # until the dials are read
    progress.say(f"  cat: {stage.tidegate('detour', SERVICE, CHECKOUT, '--lift', *BY)}")
    home = time.time()
    stage.let_pass(STEADY)
    until = time.time()
    stage.let_pass(SETTLE)
    moments = {"before": (began, failed), "failing": (failed, away), "away": (away, mended), "home": (home, until)}
    seen, routes = by_class(entries(stage.load_dir)[0], moments), stage.routes_written("detours")
    split_moved = len({row["split"] for row in routes}) != 1
    return Moved(after, seen, (one.endpoint, one.to, one.person), len(routes), split_moved), until


def _moved(stage: Stage, failed: float) -> float | None:
    """By the router's own log of what it was told."""
    rows = [row for row in stage.routes_written("detours") if row["at"] >= failed]
    return round(rows[0]["at"] - failed, 2) if rows else None


def _stable(stage: Stage) -> str:
    facts = fold_facts(stage.journal.events(SERVICE, kinds=FACT_KINDS))
    assert facts.stable is not None, "the lab adopts its first release as it starts"
    return facts.stable.version
