"""A schema in memory: a row of revisions, and where in it the service is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from tidegate.drivers._world import Effect, Faults, World, refuse_stale, world_of
from tidegate.drivers.migrations.contract import BASE, Act, Acted, SchemaMove, SchemaState
from tidegate.drivers.site import Site
from tidegate.drivers.token import Token
from tidegate.errors import Refused, Rejected
from tidegate.model.migration import Proof, Reversible, RevisionProof


class Settings(BaseModel):
    """``revisions``: all that there are, oldest first. ``at``: where the schema begins, ``base`` before the first."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    revisions: tuple[str, ...] = ("0001",)
    at: str = "0001"


class MemoryMigrations:
    """``irreversible``: revisions whose downgrade raises. ``unfit``: versions whose smoke test fails. ``standby``:
    whether what answers is one. ``acts``: smoke tests that were run."""

    def __init__(self, settings: Settings, site: Site, world: World | None = None) -> None:
        self.world = world or World()
        self.faults = Faults()
        self.revisions, self.revision, self.epoch = list(settings.revisions), settings.at, 0
        self.irreversible: set[str] = set()
        self.unfit: set[str] = set()
        self.standby = False
        self.acts: list[Act] = []
        self._region = site.regions[0]

    def observe(self) -> SchemaState:
        self.faults.on_call()
        return SchemaState(self.revision, self.epoch, self._region)

    def between(self, files: Path, lower: str, upper: str) -> tuple[str, ...]:
        low, high = self._index(lower), self._index(upper)
        return tuple(self.revisions[low:high])

    def migrate(self, files: Path, target: str, token: Token, lock_timeout: float) -> SchemaMove:
        self.faults.before_apply()
        with self.world.lock:
            if self.standby:
                raise Refused("this database is a standby: nothing is migrated there", next_step="find the primary")
            refuse_stale("the schema", self.epoch, token.epoch, token.operation)
            came_from = self.revision
            down = tuple(reversed(self.between(files, target, came_from)))
            moved = SchemaMove(came_from, target, down or self.between(files, came_from, target))
            self._refuse_what_fails(down, came_from)
            self._perform(moved, token)
        self.faults.after_apply()
        return moved

    def prove(self, files: Path, target: str, sample: int) -> Proof:
        self.faults.on_call()
        found = [self._proved(one) for one in self.between(files, self.revision, target)]
        return Proof(tuple(found), "memory", "a schema in memory")

    def rehearse(self, files: Path, target: str, acts: Sequence[Act], sample: int) -> tuple[Acted, ...]:
        found: list[Acted] = []
        for act in acts:
            self.acts.append(act)
            passed = act.version not in self.unfit
            found.append(Acted(act, passed, "" if passed else "told to fail"))
            if not passed:
                break
        return tuple(found)

    def ping(self) -> None:
        self.faults.on_call()

    def _index(self, revision: str) -> int:
        if revision in ("", BASE):
            return 0
        if revision not in self.revisions:
            raise Refused(f"memory does not hold revision {revision}", next_step="look at the release's files")
        return self.revisions.index(revision) + 1

    def _proved(self, revision: str) -> RevisionProof:
        if revision in self.irreversible:
            return RevisionProof(revision, revision, Reversible.NO, "the downgrade fails: told to raise")
        return RevisionProof(revision, revision, Reversible.YES)

    def _refuse_what_fails(self, down: tuple[str, ...], at: str) -> None:
        if any(one in self.irreversible for one in down):
            raise Rejected(f"the downgrade fails: told to raise; the schema is at {at}, as before")

    def _perform(self, moved: SchemaMove, token: Token) -> None:
        def change() -> None:
            self.revision, self.epoch = moved.now_at, token.epoch

        detail = {"from": moved.came_from, "to": moved.now_at}
        effect = Effect("migrations", "migrate", moved.now_at, token.epoch, token.operation, detail)
        if moved.revisions or self.epoch != token.epoch:
            self.world.perform(effect, change)


def connect(settings: Settings, site: Site) -> MemoryMigrations:
    """In the world of ``site``'s service."""
    return MemoryMigrations(settings, site, world_of(site))
