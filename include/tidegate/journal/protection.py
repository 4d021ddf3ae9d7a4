"""What keeps the chain append-only in this database: read, never changed."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, inspect, text

from tidegate.journal.migrations import HEAD_REVISION, VERSION_TABLE
from tidegate.journal.store import Journal

_SQLITE = ("events_no_update", "events_no_delete")
_POSTGRESQL = ("events_no_change",)


@dataclass(frozen=True)
class Protection:
    """``gone``: triggers that should stop changes and are not there. ``may_change``: this role may change rows, were it
    not for the triggers; None in a file, where the file's mode decides."""

    revision: str | None
    needs: str
    gone: tuple[str, ...] = ()
    may_change: bool | None = None

    @property
    def current(self) -> bool:
        return self.revision == self.needs


def look(journal: Journal) -> Protection:
    """Raises :class:`~tidegate.errors.JournalError`."""
    with journal.reading("looking at the journal's tables") as connection:
        if not inspect(connection).has_table(VERSION_TABLE):
            return Protection(None, HEAD_REVISION)
        revision = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608
        if connection.dialect.name == "sqlite":
            return Protection(revision, HEAD_REVISION, _gone(connection, _SQLITE, "name FROM sqlite_master"))
        gone = _gone(connection, _POSTGRESQL, "tgname FROM pg_trigger WHERE tgenabled <> 'D'")
        query = "SELECT bool_or(has_table_privilege('events', verb)) FROM unnest(array['UPDATE', 'DELETE']) verb"
        return Protection(revision, HEAD_REVISION, gone, bool(connection.execute(text(query)).scalar()))


def stale(seen: Protection) -> str:
    """What to do about tables that are not at the revision that this Tidegate needs."""
    if (seen.revision or "") > seen.needs:
        return "a newer Tidegate has migrated this journal: use that one"
    owner = "with a role of its own, its owner does: python -m tidegate.journal.grants"
    return f"the first command that acts brings it up to date, like tidegate adopt, or Airflow's guard; {owner}"


def _gone(connection: Connection, wanted: tuple[str, ...], where: str) -> tuple[str, ...]:
    there = set(connection.execute(text(f"SELECT {where}")).scalars())
    return tuple(name for name in wanted if name not in there)
