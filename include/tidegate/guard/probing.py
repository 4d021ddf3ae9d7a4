"""Looking at the regions, several times a second, from one vantage point.

Each part of each region has one thread of its own, made once: a part that hangs holds up nobody else's look, and
however long it hangs no second thread is begun for it. Who wants to know reads what was found last, and never waits. A
look that has not come back within :data:`LIMIT` counts as failed meanwhile, once for each limit.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from tidegate.drivers.estate import Estate
from tidegate.engine.partial import nobody_answers
from tidegate.engine.world import World
from tidegate.errors import Refused, Rejected, TidegateError
from tidegate.journal.store import Journal
from tidegate.judge.regions import COMPUTE, DATABASE, WRITER, Run, Sight

log = logging.getLogger(__name__)

LIMIT = 1.0  # seconds
INSTANCES_EVERY = 1.0  # seconds between two looks at the instances themselves: the region's control is asked each time
BEAT = "vantage:"  # with the point's name behind it, among the journal's beats
GUARD_POINT = "guard"

Found = Mapping[str, tuple[bool | None, str]]  # part -> whether it is well (None: cannot be told), and why not
Look = Callable[[], Found]


class Eyes(Protocol):
    """Where a vantage point gets its sight from."""

    def sight(self, point: str) -> Sight:
        """What was seen last. Never waits."""
        ...


def looks_of(estate: Estate, clock: Callable[[], float] = time.monotonic) -> dict[str, list[Look]]:
    """Region -> what there is to look at in it, each apart from the others."""
    return {region: [_database(estate, region), _compute(estate, region, clock)] for region in estate.site.regions}


def _database(estate: Estate, region: str) -> Look:
    def look() -> Found:
        try:
            state = estate.database.probe(region)
        except TidegateError as error:  # not known, refused, or no address: that is no loss
            return {DATABASE: (None, error.message), WRITER: (None, error.message)}
        answers, writes = state.role != "unreachable", state.role == "primary"
        return {DATABASE: (answers, state.why), WRITER: (writes, state.why or f"it is a {state.role}")}

    return look


def _compute(estate: Estate, region: str, clock: Callable[[], float]) -> Look:
    """Its control, and now and then its instances. A region without any is well if its control is."""
    at, dark = -INSTANCES_EVERY, ""

    def look() -> Found:
        nonlocal at, dark
        try:
            estate.compute.ping(region)
            if clock() - at >= INSTANCES_EVERY:
                at, dark = clock(), nobody_answers(estate, region)
        except (Rejected, Refused) as error:
            return {COMPUTE: (None, error.message)}
        except TidegateError as error:
            return {COMPUTE: (False, error.message)}
        return {COMPUTE: (not dark, dark)}

    return look


def noted(runs: Mapping[str, Run], found: Found, at: float, took: float = 0.0) -> dict[str, Run]:
    """The runs with one more look in them. ``took``: its seconds; a failure that took long counts for several. Pure."""
    times = max(1, int(took / LIMIT))
    return {
        part: runs.get(part, Run()).and_then(well, at - took, why, times if well is False else 1)
        for part, (well, why) in found.items()
    }


def overdue(runs: Mapping[str, Run], began: float, now: float) -> Mapping[str, Run]:
    """The runs while a look that began at ``began`` has not come back. Pure."""
    times = int((now - began) / LIMIT)
    if times < 1:
        return runs
    why = f"no answer for {now - began:.1f} s"
    return {part: run.and_then(False, began, why, times) for part, run in runs.items()}


class InlineEyes:
    """Looks in the caller's thread, when it is asked: for tests, and nothing that hangs."""

    def __init__(self, world: World) -> None:
        self._looks, self._now = looks_of(world.estate, world.clock.now), world.clock.now
        self._runs: dict[str, dict[str, Run]] = {region: {} for region in self._looks}

    def sight(self, point: str) -> Sight:
        for region, looks in self._looks.items():
            for look in looks:
                self._runs[region] |= noted(self._runs[region], look(), self._now())
        return Sight(point, self._now(), {region: dict(runs) for region, runs in self._runs.items()})


@dataclass
class _Desk:
    """What one thread has found. ``began``: of the look that is under way, None between two."""

    region: str
    look: Look
    runs: dict[str, Run] = field(default_factory=dict)
    at: float = 0.0
    began: float | None = None


class StandingEyes:
    """One thread for each part of each region, until ``stop`` is set. ``every``: seconds between two looks."""

    def __init__(
        self, looks: Mapping[str, list[Look]], every: float, stop: threading.Event, now: Callable[[], float] = time.time
    ) -> None:
        self._every, self._stop, self._now = every, stop, now
        self._lock = threading.Lock()
        self._desks = [_Desk(region, look) for region, mine in looks.items() for look in mine]
        for number, desk in enumerate(self._desks):
            name = f"probe-{desk.region}-{number}"
            threading.Thread(target=self._keep, args=(desk,), name=name, daemon=True).start()

    def sight(self, point: str) -> Sight:
        now, regions = self._now(), dict[str, dict[str, Run]]()
        with self._lock:
            for desk in self._desks:
                runs = desk.runs if desk.began is None else overdue(desk.runs, desk.began, now)
                regions.setdefault(desk.region, {}).update(runs)
        return Sight(point, now, regions)

    def _keep(self, desk: _Desk) -> None:
        while not self._stop.is_set():
            began = self._now()
            with self._lock:
                desk.began = began
            found = _safely(desk)
            with self._lock:
                desk.runs = noted(desk.runs, found, self._now(), max(0.0, self._now() - began))
                desk.began = None
            self._stop.wait(max(0.0, self._every - (self._now() - began)))


def _safely(desk: _Desk) -> Found:
    """Whatever a driver raises, its thread lives on; and what broke here is no loss there."""
    try:
        return desk.look()
    except Exception as error:
        log.exception("a probe of %s broke", desk.region)
        return {part: (None, f"the probe broke: {type(error).__name__}") for part in desk.runs}


def publish(journal: Journal, service: str, sight: Sight, ttl: float, ruling: str = "") -> None:
    """The sight as a beat, for every guard to read. ``ruling``: what a guard makes of all of them, for pages."""
    journal.beat(service, f"{BEAT}{sight.point}", ttl=ttl, body={**sight.to_json(), "ruling": ruling})


def sights(journal: Journal, service: str) -> list[Sight]:
    """What every vantage point has left, however old."""
    found = [
        Sight.from_json(name.removeprefix(BEAT), beat.body)
        for name, beat in journal.beats(service).items()
        if name.startswith(BEAT)
    ]
    return [sight for sight in found if sight is not None]
