"""Is the environment of drills what production is? What differs, and whether that makes a drill say nothing.

A drill proves the plans of production only as far as its environment is like it: the same settings but for where its
systems are, the same release, the same schema, the same strength.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tidegate.drivers.compute.contract import SlotState
from tidegate.engine.facts import FACT_KINDS, ServiceFacts, fold_facts
from tidegate.engine.world import World
from tidegate.errors import TidegateError
from tidegate.model.topology import Arm
from tidegate.policy.schema import Policy

ITS_OWN = frozenset(
    {"service", "description", "version", "owners", "roles", "drills", "notify", "watch", "break_glass"}
)
"""Sections that may differ: who it is, who answers for it, who is told. Of ``drivers`` the kinds have to be alike."""
ONLY_THERE = frozenset({"faults", "load"})  # drivers that production has not


@dataclass(frozen=True)
class Difference:
    """``what``: settings, release, schema or capacity. ``here``: in production; ``there``: in the environment."""

    what: str
    where: str
    here: str
    there: str

    def __str__(self) -> str:
        return f"{self.what}: {self.where}: {self.there} there, {self.here} in production"


@dataclass(frozen=True)
class Parity:
    """``same``: what was compared and is the same, in words. ``unknown``: what could not be looked at, which is no
    parity either."""

    same: tuple[str, ...]
    differences: tuple[Difference, ...]
    unknown: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return not self.differences and not self.unknown

    def to_json(self) -> dict[str, Any]:
        rows = [vars(one) for one in self.differences]
        return {"ok": self.ok, "same": list(self.same), "differences": rows, "unknown": list(self.unknown)}


def compare(here: World, there: World) -> Parity:
    """``here``: production; ``there``: the environment. Only looks. Raises ``JournalError`` only."""
    found = list(settings(here.policy, there.policy))
    same, unknown = ([] if found else ["settings"]), list[str]()
    looks: Mapping[str, Callable[[World, World], Iterator[Difference]]] = {
        "release": _release,
        "schema": _schema,
        "capacity": _capacity,
    }
    for name, look in looks.items():
        try:
            differences = list(look(here, there))
        except TidegateError as error:
            unknown.append(f"{name}: {error.message}")
            continue
        found += differences
        same += [] if differences else [name]
    return Parity(tuple(same), tuple(found), tuple(unknown))


def settings(here: Policy, there: Policy) -> Iterator[Difference]:
    """Line by line, but for :data:`ITS_OWN`. Pure."""
    mine, theirs = (policy.model_dump(mode="json", by_alias=True) for policy in (here, there))
    for section in sorted({*mine, *theirs} - ITS_OWN - {"drivers"}):
        yield from _otherwise(section, mine.get(section), theirs.get(section))
    for family in sorted({*mine["drivers"], *theirs["drivers"]} - ONLY_THERE):
        kinds = [(policy["drivers"].get(family) or {}).get("kind", "none") for policy in (mine, theirs)]
        if kinds[0] != kinds[1]:
            yield Difference("settings", f"drivers.{family}.kind", *kinds)


def _otherwise(path: str, here: Any, there: Any) -> Iterator[Difference]:
    if isinstance(here, dict) and isinstance(there, dict):
        for key in sorted({*here, *there}):
            yield from _otherwise(f"{path}.{key}", here.get(key), there.get(key))
    elif here != there:
        yield Difference("settings", path, str(here), str(there))


def _facts(world: World) -> ServiceFacts:
    return fold_facts(world.journal.events(world.service, kinds=FACT_KINDS))


def _release(here: World, there: World) -> Iterator[Difference]:
    """What is certified, by its digest: a version alone can be built twice."""
    mine, theirs = (_certified(world) for world in (here, there))
    if mine != theirs:
        yield Difference("release", "certified", mine, theirs)


def _certified(world: World) -> str:
    stable = _facts(world).stable
    return f"{stable.version} ({stable.digest})" if stable else "nothing"


def _schema(here: World, there: World) -> Iterator[Difference]:
    if here.estate.migrations is None or there.estate.migrations is None:
        return  # that one has none is a difference of settings
    mine, theirs = here.estate.migrations.observe().revision, there.estate.migrations.observe().revision
    if mine != theirs:
        yield Difference("schema", "revision", mine, theirs)


def _capacity(here: World, there: World) -> Iterator[Difference]:
    """How many instances of the certified release are well, by region: what stands in a policy may not run."""
    for region in sorted({*here.policy.regions, *there.policy.regions}):
        mine, theirs = _well(here, region), _well(there, region)
        if mine != theirs:
            yield Difference("capacity", f"instances that are well in {region}", str(mine), str(theirs))


def _well(world: World, region: str) -> int:
    slot = _facts(world).stable_slot
    if slot is None or region not in world.policy.regions:
        return 0
    state: SlotState = world.estate.compute.observe(Arm(region, slot))
    return sum(one.healthy for one in state.instances)
