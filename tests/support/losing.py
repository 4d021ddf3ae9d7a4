"""Regions that are lost before the eyes of two vantage points, on the memory estate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from tests.support.estate import Rig
from tidegate.errors import Unreachable
from tidegate.guard.probing import InlineEyes, publish
from tidegate.guard.region_watch import RegionWatch
from tidegate.guard.watch import Watch
from tidegate.journal.model import EventKind
from tidegate.model.operation import OperationKind


@dataclass
class Eyed:
    """A rig whose guard looks at regions, with a second point beside it. ``waiting``: what the guard wants to run
    beside its loop; it runs when the test says so. ``blind``: the second point does not look."""

    rig: Rig
    waiting: list[Callable[[], None]] = field(default_factory=list)
    blind: bool = False

    def __post_init__(self) -> None:
        self.eyes = InlineEyes(self.rig.world)
        self.new_guard()
        self.rig.clock.ticks.insert(0, self.second)

    def new_guard(self) -> None:
        regions = RegionWatch(self.rig.world, InlineEyes(self.rig.world), self.waiting.append)
        self.rig.watch = Watch(self.rig.world, regions=regions)

    def second(self, _: float) -> None:
        if not self.blind:
            publish(self.rig.world.journal, "shop", self.eyes.sight("two"), ttl=2.0)

    def lose(self, region: str) -> None:
        """Every process in the region is dead; the switch outside it answers."""
        self.rig.lose(region)
        self.rig.database.kill(region)

    def found(self, region: str, *, as_writer: bool = False) -> None:
        """The region has power again, its control, its instances and its database."""
        self.rig.compute.faults.lost.pop(region, None)
        self.rig.users.dark.discard(region)
        self.rig.database.comes_back(region, as_writer=as_writer)
        release = self.rig.releases["1.0.0"]
        for arm in self.rig.arms():
            if arm.region == region and self.rig.compute.look(arm).instances:
                self.rig.compute.force(arm, release.version, release.digest, 2)

    def cut(self, region: str) -> None:
        """Nobody reaches the region, nor its switch; it lives."""
        self.rig.database.cut(region)
        self.rig.compute.faults.lost[region] = Unreachable(f"{region} is not reached")

    def act(self) -> int:
        """Run what the guard has begun; how many."""
        done = 0
        while self.waiting:
            self.waiting.pop(0)()
            done += 1
        return done

    def notes(self, what: str) -> list[str]:
        rows = self.rig.world.journal.events("shop", kinds={EventKind.NOTE})
        return [str(row.body["why"]) for row in rows if row.body.get("what") == what]

    def failovers(self) -> list[str]:
        rows = self.rig.world.journal.events("shop", kinds={EventKind.OPERATION_OPENED})
        return [str(row.operation) for row in rows if row.body["kind"] == OperationKind.FAILOVER.value]
