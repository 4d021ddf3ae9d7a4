"""What a migration does to others while it runs: locks held, tables rewritten, read or updated from end to end.

Asked on the migration's own backend after each statement, before it commits: only it sees what it has not committed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tidegate.model.migration import Blocking, Lock

if TYPE_CHECKING:
    from sqlalchemy import Connection

READERS_WAIT = "AccessExclusiveLock"
_WRITERS_WAIT = ("ShareLock", "ShareRowExclusiveLock", "ExclusiveLock", READERS_WAIT)
_KNOWN = """
select c.oid, quote_ident(n.nspname)||'.'||quote_ident(c.relname), c.relfilenode
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where c.relkind in ('r', 'p', 'm') and n.nspname not in ('pg_catalog', 'information_schema')
"""
_NOW = """
select c.oid, c.relfilenode, coalesce(s.seq_scan, 0), coalesce(s.n_tup_upd + s.n_tup_del, 0),
       array(select l.mode from pg_locks l
              where l.relation = c.oid and l.pid = pg_backend_pid() and l.granted and l.mode <> 'AccessShareLock')
  from pg_class c left join pg_stat_xact_all_tables s on s.relid = c.oid where c.oid = any(%s)
"""


@dataclass
class Watch:
    """``locks`` and ``blocks`` in the order in which they were seen; ``outside``: a statement ran in autocommit."""

    names: Mapping[int, str]
    version_table: str
    rows: Mapping[str, int]
    way: str
    state: dict[int, tuple[Any, ...]] = field(default_factory=dict)
    locks: dict[Lock, None] = field(default_factory=dict)
    blocks: dict[tuple[str, str, str], Blocking] = field(default_factory=dict)
    outside: bool = False

    def look(self, cursor: Any, statement: str) -> None:
        """After ``statement``, with a cursor of the same backend."""
        cursor.execute(_NOW, (list(self.names),))
        for oid, filenode, scans, updated, modes in cursor.fetchall():
            before = self.state.get(oid, (filenode, scans, updated))
            self.state[oid] = (filenode, scans, updated)
            self._note(self.names[oid], statement, modes, before, (filenode, scans, updated))

    def _note(self, name: str, statement: str, modes: list[str], before: Any, now: Any) -> None:
        for mode in modes:
            self.locks.setdefault(Lock(name, mode))
        strong = [mode for mode in _WRITERS_WAIT if mode in modes]
        why = what_it_did(before, now, blocked=bool(strong))
        if why:
            found = Blocking(name, why, (strong or modes or ["none"])[-1], _short(statement), self._of(name), self.way)
            self.blocks.setdefault((name, why, found.statement), found)

    def _of(self, name: str) -> int | None:
        return self.rows.get(name)


def what_it_did(before: tuple[int, int, int], now: tuple[int, int, int], *, blocked: bool) -> str:
    """From (file node, scans, rows updated) before and after a statement: ``rewrites``, ``scans``, ``updates`` or "".
    A scan counts only if others are kept out meanwhile."""
    if now[0] != before[0]:
        return "rewrites"
    if now[2] > before[2] and now[1] > before[1]:
        return "updates"
    return "scans" if blocked and now[1] > before[1] else ""


@contextmanager
def watched(connection: Connection, version_table: str, rows: Mapping[str, int], way: str) -> Iterator[Watch]:
    """Look after each statement that runs on ``connection`` inside. ``rows``: table -> how many the source has.

    ``connection`` must be a fresh one: PostgreSQL counts scans since the backend began, and here they count from 0."""
    from sqlalchemy import event

    names: dict[int, str] = {}
    state: dict[int, tuple[Any, ...]] = {}
    for oid, name, filenode in connection.exec_driver_sql(_KNOWN):
        if not name.endswith(f".{version_table}"):
            names[oid], state[oid] = name, (filenode, 0, 0)
    connection.rollback()
    watch = Watch(names, version_table, rows, way, state)

    def after(conn: Any, cursor: Any, statement: str, parameters: Any, context: Any, executemany: bool) -> None:
        raw = cursor.connection
        if raw.autocommit:
            watch.outside = True
        else:
            with raw.cursor() as own:
                watch.look(own, statement)

    event.listen(connection.engine, "after_cursor_execute", after)
    try:
        yield watch
    finally:
        event.remove(connection.engine, "after_cursor_execute", after)


def _short(statement: str) -> str:
    text = " ".join(statement.split())
    return text if len(text) <= 160 else f"{text[:157]}..."
