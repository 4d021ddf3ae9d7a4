"""Databases that a drill has restored beside the live one: noted once they are there, dropped on the way home."""

from __future__ import annotations

from tidegate.drill.cast import ACTOR, Cast
from tidegate.drivers.backups.contract import Restored
from tidegate.engine import backups
from tidegate.journal.model import EventKind

COPY = "restored_for_a_drill"


def note_copy(cast: Cast, copy: Restored) -> None:
    """In the environment's chain, so that whoever comes next knows whose it is."""
    world = cast.world
    with world.journal.locked(world.service) as txn:
        txn.append(EventKind.NOTE, {"what": COPY, "id": copy.id, "drill": cast.id}, actor=ACTOR)


def drop_copies(cast: Cast, drill: str) -> None:
    """Those of that drill, and nobody else's. Raises as the driver's ``discard``."""
    world = cast.world
    rows = world.journal.events(world.service, kinds={EventKind.NOTE})
    mine = {row.body["id"] for row in rows if row.body.get("what") == COPY and row.body["drill"] == drill}
    if not mine:
        return
    for one in backups.backups_of(world).restored():
        if one.id in mine:
            backups.drop(world, one.id, person=cast.by, reason=f"drill {drill}: the way back", actor=ACTOR)
