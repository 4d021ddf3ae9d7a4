"""Alembic on PostgreSQL: the release's own scripts, run on the database that was just proved to be the primary."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from tidegate.drivers.database.postgres import PostgresDatabase, sqlalchemy_url
from tidegate.drivers.database.postgres import Settings as DatabaseSettings
from tidegate.drivers.migrations import _chain, _one_move
from tidegate.drivers.migrations._chain import VERSION_TABLE, Chain
from tidegate.drivers.migrations._picture import find_pg_dump
from tidegate.drivers.migrations._proof import Request, prove
from tidegate.drivers.migrations._rehearsal import rehearse
from tidegate.drivers.migrations._scratch import connected, may_create
from tidegate.drivers.migrations.contract import Act, Acted, SchemaMove, SchemaState
from tidegate.drivers.site import Site
from tidegate.drivers.token import Token
from tidegate.errors import Refused
from tidegate.model.migration import Proof


class Settings(BaseModel):
    """``regions``: region -> ``conn://name`` of its server, as the role that owns the tables. ``scratch``:
    ``conn://name`` of a server where scratch databases may be made and dropped. ``location``: the directory in a
    release's files that holds ``versions/``. ``pg_dump``: the program, below the site's root;
    looked for in PATH if left out."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    regions: dict[str, str] = Field(min_length=1)
    scratch: str
    location: str = "migrations"
    version_table: str = VERSION_TABLE
    pg_dump: str | None = None


class AlembicMigrations:
    """Holds the epoch in a table of its own in the service's database, so that a stale actor is refused there."""

    def __init__(self, settings: Settings, site: Site) -> None:
        self._settings, self._site = settings, site
        self._database = PostgresDatabase(DatabaseSettings(regions=settings.regions), site)

    @cached_property
    def _scratch(self) -> str:
        return sqlalchemy_url(self._site.resolve(self._settings.scratch))

    @cached_property
    def _pg_dump(self) -> Path | None:
        return find_pg_dump(self._site.root / self._settings.pg_dump if self._settings.pg_dump else None)

    def observe(self) -> SchemaState:
        primary = self._database.primary()
        with connected(primary.url) as connection:
            revision = _chain.current(connection, self._settings.version_table)
            return SchemaState(revision, _one_move.epoch_of(connection), primary.region)

    def between(self, files: Path, lower: str, upper: str) -> tuple[str, ...]:
        return self._chain(files).ascent(lower, upper)

    def migrate(self, files: Path, target: str, token: Token, lock_timeout: float) -> SchemaMove:
        chain = self._chain(files)
        primary = self._database.primary()
        with connected(primary.url) as connection:
            return _one_move.move(chain, connection, target, token, lock_timeout)

    def prove(self, files: Path, target: str, sample: int) -> Proof:
        source = self._database.primary().url
        asked = Request(self._chain(files), self._scratch, source, "", target, sample, self._pg_dump)
        return prove(asked)

    def rehearse(self, files: Path, target: str, acts: Sequence[Act], sample: int) -> tuple[Acted, ...]:
        source = self._database.primary().url
        asked = Request(self._chain(files), self._scratch, source, target, target, sample, self._pg_dump)
        return rehearse(asked, acts)

    def ping(self) -> None:
        self._database.ping()
        may_create(self._scratch)

    def _chain(self, files: Path) -> Chain:
        directory = files / self._settings.location
        if not (directory / "versions").is_dir():
            raise Refused(
                f"the release holds no migrations: there is no {self._settings.location}/versions in its files",
                next_step="pack them with the release, or take its schema revision out of the manifest",
            )
        return _chain.from_directory(directory, self._settings.version_table)


def connect(settings: Settings, site: Site) -> AlembicMigrations:
    """Opens no connection, imports no Alembic. Raises ``Refused`` if the regions do not match."""
    return AlembicMigrations(settings, site)
