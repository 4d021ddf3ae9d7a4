"""A person's hand on the backups: take one, restore one beside the live database, look at it, throw it away. The live
database is not touched, so none of it is an operation, and it takes no lease. Putting one in its place is one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tidegate.checks.model import CheckReport, Kind
from tidegate.drivers.backups.contract import Backup, Backups, BackupState, Restored, TableDifference
from tidegate.engine.facts import FACT_KINDS, fold_facts
from tidegate.engine.permission import permit
from tidegate.engine.world import World
from tidegate.errors import EffectError, Refused
from tidegate.journal.model import EventKind
from tidegate.model.roles import Action
from tidegate.plan.settings import check_specs

OF_SNAPSHOT = frozenset({Kind.NOT_BELOW_SNAPSHOT.value, Kind.UNCHANGED.value})
# these compare with a snapshot of the live database, or with its standbys
NOT_ASKED = OF_SNAPSHOT | {Kind.ON_STANDBY.value}
Made = Callable[[Restored], None]


@dataclass(frozen=True)
class Found:
    """What a restored database is. ``tables``: compared with the live one; None where that does not answer, ``why``
    says so. ``left_out``: checks that mean nothing here: what they compare with is not there."""

    restored: Restored
    report: CheckReport
    tables: tuple[TableDifference, ...] | None
    why: str
    left_out: tuple[str, ...]

    @property
    def different(self) -> tuple[TableDifference, ...]:
        return tuple(one for one in self.tables or () if not one.same)

    def to_json(self) -> dict[str, Any]:
        tables = None if self.tables is None else [{**vars(one), "same": one.same} for one in self.tables]
        return {
            "restored": self.restored.to_json(),
            "checks": self.report.to_json(),
            "tables": tables,
            "not_compared": self.why,
            "checks_left_out": list(self.left_out),
        }


def backups_of(world: World) -> Backups:
    """Raises :class:`Refused` for a policy without."""
    if world.estate.backups is None or world.policy.backups is None:
        raise Refused(
            f"the policy of {world.service} has no backups",
            next_step="add drivers.backups and backups, and look: tidegate lint",
        )
    return world.estate.backups


def look(world: World) -> tuple[BackupState, tuple[Restored, ...]]:
    driver = backups_of(world)
    return driver.observe(), driver.restored()


def take(world: World, *, person: str, reason: str, actor: str) -> Backup:
    """Raises :class:`Forbidden`, :class:`Refused`, and as the driver's ``take``."""
    permit(world.policy, person, Action.CONTROL)
    driver = backups_of(world)
    assert world.policy.backups is not None
    taken = driver.take(keep=world.policy.backups.keep)
    _note(world, EventKind.BACKUP_TAKEN, taken.to_json(), person, reason, actor)
    return taken


def restore(world: World, to: float | None, *, person: str, reason: str, actor: str) -> Found:
    """Restore to ``to`` (epoch seconds; None: the newest state) beside the live database, run the policy's data checks
    on it, and compare it with the live one. It is a copy of the data, so who made it and why is journalled before it is
    made. Raises :class:`Forbidden`, and as the driver's ``restore``."""
    permit(world.policy, person, Action.CONTROL)
    return bring_up(world, to, person=person, reason=reason, actor=actor)


def bring_up(
    world: World,
    to: float | None,
    *,
    person: str,
    reason: str,
    actor: str,
    snapshot: Mapping[str, Any] | None = None,
    made: Made = lambda _: None,
) -> Found:
    """As :func:`restore`, for whoever may. ``snapshot``: of the live database, from a time that the copy is to have.
    ``made``: hears of the copy before it is looked at."""
    driver = backups_of(world)
    _note(world, EventKind.RESTORE_ASKED, {"to": to}, person, reason, actor)
    restored = driver.restore(to)
    made(restored)
    found = examine(world, driver, restored, snapshot)
    body = {
        **found.restored.to_json(),
        "verdict": found.report.verdict.value,
        "run_id": found.report.run_id,
        "different": [vars(one) for one in found.different],
        "not_compared": found.why,
    }
    _note(world, EventKind.RESTORED_BESIDE, body, person, reason, actor)
    return found


def examine(world: World, driver: Backups, restored: Restored, snapshot: Mapping[str, Any] | None = None) -> Found:
    """Checks and comparison. What cannot be checked or compared is said, not raised."""
    facts = fold_facts(world.journal.events(world.service, kinds=FACT_KINDS))
    revision = facts.revision_of(facts.stable) if facts.stable else ""
    skipped = NOT_ASKED if snapshot is None else NOT_ASKED - OF_SNAPSHOT
    skipped = skipped if revision else skipped | {Kind.SCHEMA.value}
    specs = [spec for spec in check_specs(world.policy) if not skipped & set(spec)]
    left_out = tuple(name for name in world.policy.checks if name not in {spec["id"] for spec in specs})
    live, why = _live(world)
    checks = world.checks.elsewhere(driver.address(restored.id, live))
    report = checks.run(specs, snapshot, schema_revision=revision)
    tables = None
    if not why:
        try:
            tables = driver.compare(restored.id, live)
        except EffectError as error:
            why = error.message
    return Found(restored, report, tables, why, left_out)


def discard(world: World, restored: str, *, person: str, reason: str, actor: str) -> None:
    """Stop it and remove its files. Raises :class:`Forbidden`, :class:`Refused`."""
    permit(world.policy, person, Action.CONTROL)
    drop(world, restored, person=person, reason=reason, actor=actor)


def drop(world: World, restored: str, *, person: str, reason: str, actor: str) -> None:
    """As :func:`discard`, for whoever may."""
    backups_of(world).discard(restored)
    _note(world, EventKind.RESTORE_DISCARDED, {"id": restored}, person, reason, actor)


def _live(world: World) -> tuple[str, str]:
    """An address with the log-in of the live database, and why it cannot be compared with: it may be what was lost."""
    try:
        return world.estate.database.primary().url, ""
    except EffectError as error:
        return world.estate.database.standbys()[0].url, f"not compared with the live database: {error.message}"


def _note(world: World, kind: EventKind, body: dict[str, Any], person: str, reason: str, actor: str) -> None:
    with world.journal.locked(world.service) as txn:
        held = txn.head.lease.operation if txn.head.lease else None
        txn.append(kind, {**body, "person": person, "why": reason}, actor=actor, operation=held)
