"""The steady state: what an environment is like while nothing is wrong with it, and how two of them differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from tidegate.checks.model import CheckReport, Status
from tidegate.drivers.load.contract import Seen
from tidegate.engine.detours import standing
from tidegate.engine.facts import FACT_KINDS, fold_facts
from tidegate.engine.watchkeeping import open_view
from tidegate.engine.world import World
from tidegate.errors import TidegateError
from tidegate.model.topology import Arm, Slot
from tidegate.plan.settings import check_specs

_LISTS = ("following", "detours", "scratch", "beside", "unknown")
_COUNTED = {
    "following": "a replication slot",
    "detours": "a detour",
    "scratch": "a scratch database",
    "beside": "a restored database",
}
FEWEST = 20  # requests, or users were hardly there


@dataclass(frozen=True)
class Steady:
    """What is there. ``stable``: the release that is certified. ``slots``: arm -> what runs in it, in words;
    ``strength``: and how many instances that are. ``roles``: of each region's database. ``unknown``: what could not be
    looked at. ``following``: what holds log back for somebody who reads it, in whichever region: one too many fills the
    disk. ``beside``: databases that are restored beside the live one."""

    writer: str = ""
    stable: str = ""
    protected: bool = True
    roles: Mapping[str, str] = field(default_factory=dict)
    following: tuple[str, ...] = ()
    split: str = ""
    slots: Mapping[str, str] = field(default_factory=dict)
    strength: Mapping[str, int] = field(default_factory=dict)
    flags: Mapping[str, str] = field(default_factory=dict)
    detours: tuple[str, ...] = ()
    open: str = ""
    scratch: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Steady:
        """As :meth:`to_json` writes it."""
        lists = {name: tuple(value.get(name) or ()) for name in _LISTS}
        return cls(**{**{name: value[name] for name in cls.__dataclass_fields__ if name in value}, **lists})

    def to_json(self) -> dict[str, Any]:
        mappings = {name: dict(getattr(self, name)) for name in ("roles", "slots", "strength", "flags")}
        lists = {name: list(getattr(self, name)) for name in _LISTS}
        return {
            "writer": self.writer,
            "stable": self.stable,
            "protected": self.protected,
            "split": self.split,
            **mappings,
            **lists,
        }


def look(world: World) -> Steady:
    """Look at everything. Raises ``JournalError`` only: what does not answer is in :attr:`Steady.unknown`."""
    facts = fold_facts(world.journal.events(world.service, kinds=FACT_KINDS))
    unknown: list[str] = []
    view = open_view(world.journal, world.service)
    found: dict[str, Any] = {
        "protected": facts.placement.protected if facts.placement else True,
        "stable": facts.stable.version if facts.stable else "",
        "detours": tuple(f"{one.endpoint} to {one.to}" for one in standing(world.journal, world.service)),
        "open": view.id if view else "",
    }
    for name, looks in _LOOKS.items():
        try:
            found |= looks(world)
        except TidegateError as error:
            unknown.append(f"{name}: {error.message}")
    return Steady(**found, unknown=tuple(unknown))


def differences(before: Steady, after: Steady) -> Iterator[str]:
    """What is otherwise than it was, in words. Pure."""
    yield from (f"could not be looked at: {what}" for what in after.unknown)
    if after.open:
        yield f"{after.open} is still open"
    for name, word in (
        ("writer", "writes go to"),
        ("stable", "the stable release is"),
        ("split", "traffic is"),
        ("protected", "protected:"),
    ):
        was, now = getattr(before, name), getattr(after, name)
        if was != now:
            yield f"{word} {now or 'nobody'}, was {was or 'nobody'}"
    for name, word in (("roles", "database"), ("slots", "slot"), ("flags", "flag")):
        yield from _mapping(word, getattr(before, name), getattr(after, name))
    for name, word in _COUNTED.items():
        was, now = Counter(getattr(before, name)), Counter(getattr(after, name))
        yield from (f"{word} is left over: {one}" for one in sorted((now - was).elements()))
        yield from (f"{word} is gone: {one}" for one in sorted((was - now).elements()))


def disturbed(seen: Seen, availability: float) -> Iterator[str]:
    """Why what users saw is no steady state, in words. ``availability``: a part of 1. Pure."""
    users = seen.users
    if users.requests < FEWEST:
        yield f"only {users.requests} requests: {FEWEST} at least, or there was no load"
        return
    if users.failed / users.requests > 1 - availability:
        yield f"{users.failed} of {users.requests} requests failed; the objective lets {1 - availability:.2%} fail"
    if users.sessions_broken:
        yield f"{users.sessions_broken} sessions broke"


def unsound(report: CheckReport) -> Iterator[str]:
    """Data checks that did not pass, in words. Pure."""
    warned = set(report.warnings)
    for result in report.results:
        if result.status is not Status.PASSED and result.id not in warned:
            yield f"data check {result.id}: {result.detail or result.status.value}"


def checked(world: World, snapshot: Mapping[str, Any] | None) -> CheckReport:
    """One run of the policy's checks on the environment's own data."""
    facts = fold_facts(world.journal.events(world.service, kinds=FACT_KINDS))
    revision = facts.revision_of(facts.stable) if facts.stable else ""
    return world.checks.run(list(check_specs(world.policy)), snapshot, schema_revision=revision)


def snapshot(world: World) -> dict[str, Any]:
    """What later checks compare with."""
    return world.checks.snapshot(list(check_specs(world.policy)))


def _mapping(word: str, before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    for key in sorted({*before, *after}):
        was, now = before.get(key, "not there"), after.get(key, "not there")
        if was != now:
            yield f"{word} {key}: {now}, was {was}"


def _databases(world: World) -> dict[str, Any]:
    states = world.estate.database.observe()
    writers = [region for region, state in states.items() if state.role == "primary" and not state.read_only]
    return {
        "writer": " and ".join(writers),
        "roles": {region: _role(state) for region, state in states.items()},
        "following": tuple(sorted(name for state in states.values() for name in state.slots)),
        "scratch": tuple(sorted({name for state in states.values() for name in state.scratch})),
    }


def _role(state: Any) -> str:
    if state.role != "standby":
        return str(state.role)
    return "standby, streaming" if state.streaming else "standby, not streaming"


def _routes(world: World) -> dict[str, Any]:
    split = world.estate.traffic.observe().split
    return {"split": str(split) if split else ""}


def _slots(world: World) -> dict[str, Any]:
    found: dict[str, str] = {}
    strength: dict[str, int] = {}
    for region, slot in product(world.policy.regions, (Slot.A, Slot.B)):
        state = world.estate.compute.observe(Arm(region, slot))
        well = sum(one.healthy for one in state.instances)
        if state.instances:
            found[str(state.arm)] = f"{state.version} on {well} of {len(state.instances)}"
            strength[str(state.arm)] = len(state.instances)
    return {"slots": found, "strength": strength}


def _flags(world: World) -> dict[str, Any]:
    if world.estate.flags is None:
        return {}
    state = world.estate.flags.observe()
    return {"flags": {key: str(setting) for key, setting in state.flags.items()}}


def _beside(world: World) -> dict[str, Any]:
    if world.estate.backups is None:
        return {}
    return {"beside": tuple(sorted(one.id for one in world.estate.backups.restored()))}


_LOOKS = {"databases": _databases, "routes": _routes, "slots": _slots, "flags": _flags, "backups": _beside}
