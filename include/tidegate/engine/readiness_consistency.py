"""Readiness of what users reach: routes, and names and cached assets where the policy has ``consistency``."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from tidegate.engine import consistency
from tidegate.engine.facts import ServiceFacts
from tidegate.engine.readiness_item import Item, item
from tidegate.engine.world import World


def consistent(world: World, facts: ServiceFacts, actor: str) -> Iterator[Item]:
    """Nothing without the section, and routes only while nothing is under way that moves them."""
    part = world.policy.consistency
    if part is None:
        return
    if world.journal.head(world.service).lease is None:
        yield item("routes", partial(consistency.routes, world, facts), "see who moved them")
    if part.dns is not None:
        yield item("names", partial(consistency.names, world.estate, part.dns), "mend the zone")
    if part.assets is not None:
        yield item("assets", partial(consistency.assets, world.estate, part.assets), "purge the cache")
