"""Readiness: could the service go back now, and could it move? An evaluation: it takes no lease, and changes nothing
but its own row outside the chain (and a row for each secret that it reads, as every read has one)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tidegate.engine.facts import FACT_KINDS, ServiceFacts, fold_facts
from tidegate.engine.readiness_back import way_back
from tidegate.engine.readiness_backups import backups
from tidegate.engine.readiness_bundle import break_glass_bundle
from tidegate.engine.readiness_consistency import consistent
from tidegate.engine.readiness_drilled import drilled
from tidegate.engine.readiness_item import Item, State
from tidegate.engine.readiness_moving import moving
from tidegate.engine.world import World

ROW, KEY = "readiness", "newest"  # of the row outside the chain that holds the newest answer
STALE_AFTER = 86400.0  # seconds after which an answer is too old to sleep on

Look = Callable[[World, ServiceFacts, str], Iterator[Item]]  # the last one is the actor, for rows of what is read
# In the order in which they are told; each yields nothing where it does not apply.
LOOKS: tuple[Look, ...] = (way_back, backups, moving, consistent, break_glass_bundle, drilled)


@dataclass(frozen=True)
class Readiness:
    """``at``: epoch seconds."""

    at: float
    items: tuple[Item, ...]

    @property
    def ready(self) -> bool:
        """Something was looked at, and nothing is red. What never was is not ready, and not red either."""
        return bool(self.items) and all(item.state is not State.NOT_READY for item in self.items)

    def to_json(self) -> dict[str, Any]:
        return {"version": 1, "at": self.at, "ready": self.ready, "items": [item.to_json() for item in self.items]}


def assess(world: World, *, actor: str) -> Readiness:
    """Look at everything, and keep the answer for the pages. Raises ``JournalError`` only: what cannot be looked at is
    not ready."""
    facts = fold_facts(world.journal.events(world.service, kinds=FACT_KINDS))
    items = tuple(item for look in LOOKS for item in look(world, facts, actor))
    found = Readiness(world.clock.now(), items)
    world.journal.put_evidence(world.service, ROW, KEY, found.to_json())
    return found
