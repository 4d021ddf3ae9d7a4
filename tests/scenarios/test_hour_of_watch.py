"""An hour of healthy load under the real guard, with everything automatic allowed: nothing may happen. Then a fault.

The hour is compressed six times: the budget's period is 5 days instead of 30, so the rule of 1 h and 5 min looks at
10 min and 50 s, and ten minutes of the estate's clock are the hour. In them the load swings as a day does and surges to
five times as much; one request in a thousand fails all the time, and single probes of both vantage points fail. It ends
with a real fault, so that a watch that is dead fails this test.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.estate import Rig, build
from tests.support.moving import move, moving_policy
from tests.support.operations import promote
from tidegate.engine import burning, region_loss
from tidegate.engine.after_promotion import FAILED
from tidegate.engine.permission import GUARD
from tidegate.guard.probing import InlineEyes, publish
from tidegate.guard.region_watch import RegionWatch
from tidegate.guard.vigil import Alarm
from tidegate.guard.watch import Watch as Guard
from tidegate.journal.model import EventKind
from tidegate.judge.regions import Run, Sight
from tidegate.model.operation import OperationKind, Outcome
from tidegate.policy.schema import Bake, Policy, Promotion, Watch

HOUR = 600.0  # seconds of the estate's clock
RATE = 24.0  # requests a second, on the mean of the day
BASE = 0.001  # part that fails always: just as promised
BLINK = 0.02  # part of the probes that fail by themselves


def policy_of(**watch: str) -> Policy:
    """Whatever the guard may do by itself, it may do here."""
    policy = moving_policy(
        synchronous="block", decide={"then": "act"}, detour={"then": "act"}, instances=3, steps=["50%", "100%"]
    )
    bake = Bake.model_validate({"lasts": "1s", "requests": 3, "then_watch": "2h"})
    return policy.model_copy(
        update={
            "promotion": policy.promotion.model_copy(update={"bake": bake}),
            "watch": Watch.model_validate({"period": "5d", "objectives": ["availability", "latency_p99"], **watch}),
        }
    )


class Blinking:
    """Eyes of which single probes fail by themselves."""

    def __init__(self, eyes: InlineEyes, source: random.Random) -> None:
        self._eyes, self._source = eyes, source
        self.blinked = 0
        self._runs: dict[tuple[str, str], int] = {}

    def sight(self, point: str) -> Sight:
        seen = self._eyes.sight(point)
        regions = {r: {p: self._run(r, p, run, seen.at) for p, run in runs.items()} for r, runs in seen.regions.items()}
        return Sight(point, seen.at, regions)

    def _run(self, region: str, part: str, true: Run, at: float) -> Run:
        fails = bool(true.well) and self._source.random() < BLINK
        self.blinked += fails
        self._runs[region, part] = self._runs.get((region, part), 0) + 1 if fails else 0
        return Run(False, self._runs[region, part], at, "no answer") if fails else true


@dataclass
class Hour:
    """A rig under its guard, and what the guard did."""

    rig: Rig
    alarms: list[Alarm] = field(default_factory=list)
    acts: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        source = random.Random(11)
        self.eyes = [Blinking(InlineEyes(self.rig.world), source) for _ in range(2)]
        self.new_guard()
        self.rig.clock.ticks.insert(0, self._second)

    def new_guard(self) -> None:
        regions = RegionWatch(self.rig.world, self.eyes[0], self.acts.append)
        self.rig.watch = Guard(self.rig.world, self.alarms.append, regions)

    def _second(self, _: float) -> None:
        publish(self.rig.world.journal, "shop", self.eyes[1].sight("two"), ttl=2.0)

    def pass_by(self) -> None:
        """The healthy hour: a day's swing of half the load either way, and a surge to five times as much."""
        began = self.rig.clock.now()
        while (gone := self.rig.clock.now() - began) < HOUR:
            swing = 1 + 0.5 * math.sin(2 * math.pi * gone / HOUR)
            surge = 5.0 if 0.6 * HOUR <= gone < 0.7 * HOUR else 1.0
            self.rig.users.rate = RATE * swing * surge
            self.rig.clock.sleep(1.0)
        self.rig.users.rate = RATE

    def notes(self) -> list[str]:
        rows = self.rig.world.journal.events("shop", kinds={EventKind.NOTE})
        told = (burning.BURNS, FAILED, region_loss.LOST, region_loss.UNANSWERED)
        return [f"{row.body['what']}: {row.body['why']}" for row in rows if row.body.get("what") in told]

    def until(self, what: str, within: float) -> float:
        """Seconds until such a note was written."""
        began = self.rig.clock.now()
        while not any(note.startswith(what) for note in self.notes()):
            self.rig.clock.sleep(0.25)
            assert self.rig.clock.now() - began < within, f"not seen within {within:g} s: {what}"
        return self.rig.clock.now() - began

    def automatic(self) -> list[str]:
        """Operations that the guard has opened, and detours that it has set."""
        rows = self.rig.world.journal.events("shop", kinds={EventKind.OPERATION_OPENED, EventKind.DETOUR_SET})
        mine = [row for row in rows if GUARD in (row.body.get("requester"), row.body.get("person"))]
        return [str(row.operation or row.body["endpoint"]) for row in mine]


def fails(rig: Rig, part: float) -> None:
    rig.users.error_rate = {version: {"checkout": part, "browse": part} for version in rig.releases}


def healthy_hour(tmp_path: Path, policy: Policy) -> Hour:
    """1.1.0 was just promoted, both databases have everything; then the hour, in which nothing may happen."""
    rig = build(tmp_path, policy)
    fails(rig, BASE)
    rig.users.rate = 60.0
    assert move(rig, OperationKind.REPROTECT).outcome is Outcome.REPROTECTED
    rig.clock.sleep(30)
    assert promote(rig, "1.1.0").outcome is Outcome.PROMOTED
    hour = Hour(rig)
    hour.pass_by()
    blinked, requests = sum(eyes.blinked for eyes in hour.eyes), len(rig.metrics._log)
    assert blinked > 100 and requests > 10_000, f"{blinked} probes failed, {requests} requests: that is no hour"
    assert (hour.notes(), hour.alarms, hour.acts, hour.automatic()) == ([], [], [], [])
    print(f"a healthy hour: {requests} requests, {blinked} probes failed by themselves, nothing was done; then")
    return hour


def test_a_fresh_release_that_fails_is_taken_back(tmp_path: Path) -> None:
    hour = healthy_hour(tmp_path, policy_of(fast="back"))
    fails(hour.rig, 0.2)
    took = hour.until(f"{FAILED}: 1.1.0", 60)
    (alarm,) = hour.alarms
    assert "1.1.0 fails after its promotion" in alarm.reason
    print(f"20 % fail under a fresh release: a rollback is asked for after {took:g} s")


def test_what_no_release_explains_is_told_to_a_person(tmp_path: Path) -> None:
    hour = healthy_hour(tmp_path, policy_of(fast="back").model_copy(update={"promotion": unwatched()}))
    fails(hour.rig, 0.2)
    took = hour.until(burning.BURNS, HOUR / 6)
    told = burning.episode(hour.rig.world.journal, "shop")
    assert told is not None and (told.rule, told.then, hour.automatic()) == ("fast", burning.PAGE, [])
    print(f"20 % fail, and no release is fresh: somebody is paged after {took:g} s, {6 * took:g} s of an hour's window")


def test_a_region_that_dies_is_failed_out_of(tmp_path: Path) -> None:
    hour = healthy_hour(tmp_path, policy_of(fast="back"))
    hour.rig.lose("east")
    hour.rig.database.kill("east")
    took = hour.until(region_loss.LOST, 10)
    while not hour.acts:
        hour.rig.clock.sleep(0.25)
    hour.acts.pop()()
    (operation,) = hour.automatic()
    assert "failover" in operation and hour.rig.database.writers() == ("west",)
    assert hour.alarms == [], "no release is blamed for a region"
    print(f"a region dies: its loss is on record after {took:g} s, and the guard has moved writes and traffic")


def unwatched() -> Promotion:
    """A promotion after which nobody watches."""
    policy = policy_of()
    bake = policy.promotion.bake.model_copy(update={"then_watch": None})
    return policy.promotion.model_copy(update={"bake": bake})
