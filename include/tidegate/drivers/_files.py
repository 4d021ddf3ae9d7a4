"""Files as effects: replaced wholly or not at all, appended under a lock that other processes see."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tidegate.drivers._holder import Superseding, holder, sign, unsign
from tidegate.drivers.token import Token
from tidegate.errors import Throttled

_POLL = 0.01  # seconds between two looks at a lock


def replace(path: Path, text: str, mode: int = 0o644) -> None:
    """Put ``text`` in place of ``path``, wholly or not at all: same directory, fsync, rename, fsync."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".new", dir=path.parent)
    try:
        with os.fdopen(handle, "w") as stream:
            os.fchmod(stream.fileno(), mode)
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.rename(name, path)  # noqa: PTH104 - the plain call: rename(2) is the promise made here
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Make a rename or a new file in ``directory`` survive a power cut."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def append_line(path: Path, record: dict[str, Any]) -> None:
    """Add one JSON line and have it on disk. Only under the lock that also covers the effect it tells of."""
    with path.open("a") as stream:
        stream.write(json.dumps(record, separators=(",", ":")) + "\n")
        stream.flush()
        os.fsync(stream.fileno())


@contextlib.contextmanager
def locked(path: Path, within: float, token: Token | None = None) -> Iterator[None]:
    """Hold the lock file ``path``, across threads and processes. Raises :class:`Throttled` after ``within`` seconds.

    ``token``: whose lease the holder acts under. Who holds it under an older epoch and stands still is ended
    (:mod:`tidegate.drivers._holder`); without one the lock is only waited for, and not taken from this holder either.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        _acquire(handle, path, time.monotonic() + within, Superseding(path, token))
        sign(handle, token)
        try:
            yield
        finally:
            unsign(handle)
    finally:
        os.close(handle)  # lets the lock go, also for a process that dies here


def _acquire(handle: int, path: Path, deadline: float, superseding: Superseding) -> None:
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            superseding.look()
            if time.monotonic() >= deadline:
                raise _too_long(path) from None
            time.sleep(_POLL)
        else:
            return


def _too_long(path: Path) -> Throttled:
    found = holder(path)
    if found is None:
        return Throttled(f"another writer has held {path.name} for too long", next_step=f"see who has {path} open")
    step = f"look at it: ps -fp {found.pid}; if it is superseded or hangs, end it: kill -KILL {found.pid}; then retry"
    return Throttled(f"{found.words} has held {path.name} for too long", next_step=step)
