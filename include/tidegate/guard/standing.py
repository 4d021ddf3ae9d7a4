"""One service's whole guard: its loop, and what is looked at beside it."""

from __future__ import annotations

import threading

from tidegate.engine import relaxing
from tidegate.engine.world import World
from tidegate.guard import dependency_watch, replication_watch, sync_watch
from tidegate.guard.beside import look_on
from tidegate.guard.region_watch import RegionWatch, standing_eyes
from tidegate.guard.vigil import Ask
from tidegate.guard.watch import Watch
from tidegate.plan.moving import can_move


def stand_guard(world: World, stop: threading.Event, ask: Ask | None = None) -> None:
    """Guard until ``stop`` is set. ``ask``: starts a rollback of a release that fails late; None where nobody can."""
    look_beside(world, stop)
    Watch(world, ask, RegionWatch(world, standing_eyes(world, stop))).run(stop)


def look_beside(world: World, stop: threading.Event) -> list[threading.Thread]:
    """Begin what the policy gives reason to look at: whom writes wait for, what the primary has written, breakers."""
    name, begun = f"guard of {world.service}", list[threading.Thread]()
    if relaxing.may_relax(world):
        begun.append(look_on(f"{name}, whom writes wait for", sync_watch.SyncWatch(world).look, sync_watch.EVERY, stop))
    if can_move(world.policy):
        look = replication_watch.ReplicationWatch(world).look
        begun.append(look_on(f"{name}, what was written", look, replication_watch.EVERY, stop))
    if world.policy.dependencies:
        look = dependency_watch.DependencyWatch(world).look
        begun.append(look_on(f"{name}, breakers", look, dependency_watch.EVERY, stop))
    return begun
