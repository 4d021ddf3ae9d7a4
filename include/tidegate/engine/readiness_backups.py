"""Readiness of backups: could the data be taken back to a time before it was spoilt?"""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.drivers.backups.contract import BackupState
from tidegate.engine.facts import ServiceFacts
from tidegate.engine.readiness_item import Item, item
from tidegate.engine.world import World
from tidegate.errors import NotYet, Refused
from tidegate.policy.backups import Backups
from tidegate.policy.quantities import duration_text

TOLERANCE = 1.5  # a backup may be older than `every` by so much: it takes its time, and one may fail and be taken again


def backups(world: World, facts: ServiceFacts, actor: str) -> Iterator[Item]:
    """Nothing for a policy without. The place is looked at once, when the first is asked."""
    rules, driver = world.policy.backups, world.estate.backups
    if rules is None or driver is None:
        return
    seen: list[BackupState] = []

    def look() -> BackupState:
        if not seen:
            seen.append(driver.observe(read_again_after=rules.read))
        return seen[0]

    now, service = world.clock.now(), world.service
    yield item("backup", lambda: newest(look(), rules, now, service), f"tidegate backup {service} --reason WHY")
    keeps = f"see that `tidegate keep-backups {service}` runs"
    yield item("log archive", lambda: archive(look(), rules, now, service), keeps)


def newest(state: BackupState, rules: Backups, now: float, service: str) -> str:
    """Pure. Raises ``Refused`` where there is none, one cannot be read, or the newest is too old."""
    take = f"tidegate backup {service} --reason WHY"
    if broken := [one for one in state.backups if not one.readable]:
        told = "; ".join(f"{one.id}: {one.why}" for one in broken)
        raise Refused(
            f"{len(broken)} of {len(state.backups)} backups cannot be read ({told})",
            next_step=f"find out what happened to the files; then {take}",
        )
    if state.newest is None:
        raise Refused("there is no backup", next_step=take)
    age = now - state.newest.ended
    if age > TOLERANCE * rules.every:
        every = duration_text(rules.every)
        raise NotYet(
            f"the newest backup, {state.newest.id}, is {_words(age)} old, and one is taken every {every}",
            next_step=f"see that `tidegate keep-backups {service}` runs, or {take}",
        )
    return f"{state.newest.id}, {_words(age)} old, {len(state.backups)} can be read"


def archive(state: BackupState, rules: Backups, now: float, service: str) -> str:
    """Pure. Raises ``Refused`` for a gap, ``NotYet`` where it is too far behind."""
    if state.gap:
        raise Refused(
            f"the log has a gap since backup {state.newest.id if state.newest else '?'}: {state.gap}",
            next_step=f"tidegate backup {service} --reason WHY: what comes after it can be restored again",
        )
    why = f" ({state.trouble})" if state.trouble else ""
    keep = f"see that `tidegate keep-backups {service}` runs, and what it says"
    if state.archived_until is None:
        raise NotYet(f"the archive of the log has never reached the primary{why}", next_step=keep)
    behind = max(0.0, now - state.archived_until)
    if behind > rules.archive_lag:
        allowed = duration_text(rules.archive_lag)
        raise NotYet(f"the archive of the log is {_words(behind)} behind, {allowed} is allowed{why}", next_step=keep)
    return f"complete since {state.newest.id if state.newest else 'its beginning'}, {_words(behind)} behind"


def _words(seconds: float) -> str:
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
