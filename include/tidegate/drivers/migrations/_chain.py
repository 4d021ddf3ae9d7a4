"""An Alembic project's revisions, and running some of them on a connection.

The project's ``env.py`` is never run: it may connect to a database of its own choice, and the ones here are scratch
databases, or the one that was just proved to be the primary. What is kept of it is the name of the version table.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tidegate.errors import Refused

if TYPE_CHECKING:
    from alembic.script import Script, ScriptDirectory
    from sqlalchemy import Connection

BASE = "base"
VERSION_TABLE = "alembic_version"
_OUTSIDE = "autocommit_block"


@dataclass(frozen=True)
class Chain:
    """The revisions in one directory. ``location``: in words, for messages."""

    script: ScriptDirectory
    config: Any
    location: str
    version_table: str = VERSION_TABLE

    @property
    def head(self) -> str:
        """The one newest revision. Raises ``Refused`` if there are several, or none."""
        heads = self.script.get_heads()
        if len(heads) != 1:
            raise Refused(
                f"{self.location} has {len(heads)} heads: {', '.join(heads) or 'none'}",
                next_step="name the revision, or merge the branches",
            )
        return heads[0]

    def between(self, lower: str, upper: str) -> tuple[str, ...]:
        """Revisions above ``lower`` up to ``upper``, in the order of an upgrade. ``base`` and ``head`` are understood.

        Raises ``Refused`` naming the revision that is not known, or if ``upper`` is not above ``lower``."""
        below = BASE if lower in ("", BASE) else self._known(lower)
        above = self._known("heads" if upper in ("head", "heads") else upper)
        if above == below or above in ("", BASE):
            return ()
        with self._in_words(f"{lower or BASE}:{upper}"):
            found = [one.revision for one in self.script.iterate_revisions(above, below)]
        return tuple(reversed(found))

    def ascent(self, lower: str, upper: str) -> tuple[str, ...]:
        """As :meth:`between`, but () where ``upper`` is not above ``lower``."""
        if not self.has(lower) or not self.has(upper):
            missing = lower if not self.has(lower) else upper
            raise Refused(f"{self.location} does not hold revision {missing}", next_step="look at the release's files")
        if upper in ("", BASE) or upper == lower:
            return ()
        found = [one.revision for one in self.script.iterate_revisions(upper, BASE)]
        if lower in ("", BASE):
            return tuple(reversed(found))
        return tuple(reversed(found[: found.index(lower)])) if lower in found else ()

    def has(self, revision: str) -> bool:
        return revision in ("", BASE) or any(one.revision == revision for one in self.script.walk_revisions())

    def below(self, revision: str) -> str:
        """The revision that ``revision`` builds on, ``base`` for the first."""
        down = self.one(revision).down_revision
        return BASE if not down else down if isinstance(down, str) else down[0]

    def one(self, revision: str) -> Script:
        with self._in_words(revision):
            found = self.script.get_revision(revision)
        assert found is not None  # get_revision raises for what it does not know
        return found

    def leaves_the_transaction(self, revision: str) -> bool:
        """Whether the revision's file uses ``autocommit_block``, so that it needs a path of its own."""
        path = self.one(revision).path
        return _OUTSIDE in Path(path).read_text(errors="replace")

    def _known(self, revision: str) -> str:
        if revision == "heads":
            return revision
        with self._in_words(revision):
            return self.one(revision).revision

    def _in_words(self, what: str) -> Any:
        return _in_words(self.location, what)

    def upgrade(self, connection: Connection, revisions: Iterable[str]) -> None:
        """Run the upgrades of ``revisions`` in order. In the caller's transaction if one is open, else in one each."""
        self._run(connection, revisions, up=True)

    def downgrade(self, connection: Connection, revisions: Iterable[str]) -> None:
        """Run the downgrades of ``revisions``, which must be in the order of a downgrade."""
        self._run(connection, revisions, up=False)

    def _run(self, connection: Connection, revisions: Iterable[str], *, up: bool) -> None:
        from alembic.runtime.environment import EnvironmentContext
        from alembic.runtime.migration import MigrationStep

        make = MigrationStep.upgrade_from_script if up else MigrationStep.downgrade_from_script
        steps = [make(self.script.revision_map, self.one(revision)) for revision in revisions]

        def which(_: Any, __: Any) -> list[Any]:
            return steps

        with EnvironmentContext(self.config, self.script, fn=which) as environment:
            environment.configure(
                connection=connection, version_table=self.version_table, transaction_per_migration=True
            )
            with environment.begin_transaction():
                environment.run_migrations()

    def current(self, connection: Connection) -> str:
        """As :func:`current`."""
        return current(connection, self.version_table)


def current(connection: Connection, version_table: str = VERSION_TABLE) -> str:
    """The revision that the database is at, ``base`` if none is noted. Raises ``Refused`` if it is at several."""
    from alembic.runtime.migration import MigrationContext

    heads = MigrationContext.configure(connection, opts={"version_table": version_table}).get_current_heads()
    if len(heads) > 1:
        raise Refused(f"the database is at several revisions: {', '.join(heads)}", next_step="merge the branches")
    return heads[0] if heads else BASE


def from_ini(path: Path, section: str = "alembic", version_table: str = VERSION_TABLE) -> Chain:
    """The project that an ``alembic.ini`` describes. Raises ``Refused`` in words."""
    if not path.is_file():
        raise Refused(f"there is no file {path}", next_step="name the project's alembic.ini with --config")
    from alembic.config import Config

    return _load(Config(str(path), ini_section=section), str(path), version_table)


def from_directory(path: Path, version_table: str = VERSION_TABLE) -> Chain:
    """The project whose scripts are in ``path`` (the directory that holds ``versions/``)."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(path).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return _load(config, str(path), version_table)


def _load(config: Any, location: str, version_table: str) -> Chain:
    from alembic.script import ScriptDirectory

    with _in_words(location, "its revisions"):
        script = ScriptDirectory.from_config(config)
        list(script.walk_revisions())  # imports every revision, so that a broken one is told here
    return Chain(script, config, location, version_table)


def _in_words(location: str, what: str) -> Any:
    from contextlib import contextmanager

    from alembic.util import CommandError

    @contextmanager
    def guard() -> Iterator[None]:
        try:
            yield
        except (CommandError, ImportError, SyntaxError) as error:
            kind = "" if isinstance(error, CommandError) else f"{type(error).__name__}: "
            raise Refused(
                f"{location}: {what} cannot be read: {kind}{error}",
                next_step="name a revision that `alembic history` shows"
                if isinstance(error, CommandError)
                else "install what the revisions import, or name the project's directory in prepend_sys_path",
            ) from error

    return guard()
