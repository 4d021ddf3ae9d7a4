"""Reading a SQLite journal without the right to write beside it.

A file in WAL mode can be read only with its ``-wal`` and ``-shm`` files; while no writer has it open there are none,
and a reader who may not create them (the witness under its own user) cannot open it. Then the file stands still, so it
is read as it is, and it is checked afterwards that it did stand still.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

Stamp = tuple[int, int, int, bool]


class _StillFile(sqlite3.Connection):
    """A connection to a file that nobody has open. ``stamp``: what it looked like before."""

    path: Path
    stamp: Stamp


def open_file(path: Path, timeout: float) -> sqlite3.Connection:
    """Open for reading only. Raises :class:`sqlite3.OperationalError`."""
    stamp = _stamp(path)
    try:
        connection = _open(path, "mode=ro", timeout, sqlite3.Connection)
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:
        if stamp is None or stamp[-1]:
            raise
    else:
        return connection
    still = _open(path, "mode=ro&immutable=1", timeout, _StillFile)
    assert isinstance(still, _StillFile)
    still.path, still.stamp = path, stamp
    return still


def confirm(connection: Connection) -> None:
    """After reading: raises :class:`sqlite3.OperationalError` if what was read may have been changing meanwhile."""
    raw: Any = connection.connection.dbapi_connection
    if isinstance(raw, _StillFile) and _stamp(raw.path) != raw.stamp:
        raise sqlite3.OperationalError("a writer came while the file was being read")


def _open(path: Path, options: str, timeout: float, factory: type[sqlite3.Connection]) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.as_uri()}?{options}", uri=True, timeout=timeout, check_same_thread=False, factory=factory
    )


def _stamp(path: Path) -> Stamp | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns, path.with_name(path.name + "-wal").exists()
