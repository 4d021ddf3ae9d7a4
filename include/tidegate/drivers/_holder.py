"""Who holds a lock file, and the one case in which it is taken from him: he stands still and is superseded.

A process that was stopped (SIGSTOP, a frozen container, a debugger) keeps its locks and never lets go of them, and what
it does when it wakes up cannot be foreseen by comparing epochs beforehand: it may stand between the comparison and the
effect. So whoever comes with a higher epoch ends it, and only then goes on. What it left half-done is what every dead
process leaves, which the next one carries on (docs/decisions/0022).
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from tidegate.drivers.token import Token

STOPPED_FOR = 1.0  # seconds in which every look has to find it so
LOOK_EVERY = 0.2  # seconds
_PROCESSES = Path("/proc")


@dataclass(frozen=True)
class Holder:
    """``epoch`` None: of a chain that compares with nobody's. ``stopped``: it cannot run before somebody wakes it."""

    pid: int
    epoch: int | None
    operation: str
    stopped: bool

    @property
    def words(self) -> str:
        """For a message."""
        what = f" for {self.operation}" if self.operation else ""
        return f"process {self.pid}{what}{', which is stopped' if self.stopped else ''}"


def sign(handle: int, token: Token | None) -> None:
    """Say in the lock file that is held who holds it."""
    said = {"pid": os.getpid(), "epoch": token and token.epoch, "operation": token.operation if token else ""}
    os.ftruncate(handle, 0)
    os.pwrite(handle, json.dumps(said).encode(), 0)


def unsign(handle: int) -> None:
    """Before it is let go of: nobody holds it."""
    os.ftruncate(handle, 0)


def holder(path: Path) -> Holder | None:
    """Who holds the lock file, as far as it says so, and a process of this machine has it open; else None."""
    try:
        said = json.loads(path.read_text())
        pid, epoch, operation = int(said["pid"]), said["epoch"], str(said["operation"])
        if not _has_open(pid, path):
            return None
        return Holder(pid, None if epoch is None else int(epoch), operation, _state(pid) in "Tt")
    except (OSError, ValueError, KeyError, TypeError):
        return None


class Superseding:
    """One wait for the lock ``path``: looks now and then who holds it, and ends one who was superseded and stands still
    for :data:`STOPPED_FOR` seconds. ``token`` None: nobody is ended."""

    def __init__(self, path: Path, token: Token | None) -> None:
        self._path, self._token = path, token
        self._looked, self._since, self._pid = 0.0, 0.0, 0

    def look(self) -> None:
        """To be called at each try."""
        now = time.monotonic()
        if self._token is None or now < self._looked + LOOK_EVERY:
            return
        self._looked, found = now, holder(self._path)
        if found is None or not found.stopped or found.epoch is None or found.epoch >= self._token.epoch:
            self._pid = 0
        elif found.pid != self._pid:
            self._pid, self._since = found.pid, now
        elif now >= self._since + STOPPED_FOR:
            with contextlib.suppress(OSError):  # gone meanwhile, or another user's: then the wait ends with its name
                os.kill(found.pid, signal.SIGKILL)


def _has_open(pid: int, path: Path) -> bool:
    wanted = path.stat()
    for entry in (_PROCESSES / str(pid) / "fd").iterdir():
        with contextlib.suppress(OSError):
            if os.path.samestat(entry.stat(), wanted):
                return True
    return False


def _state(pid: int) -> str:
    """One letter, as proc(5) has it. The name before it may hold blanks and brackets."""
    return (_PROCESSES / str(pid) / "stat").read_text().rpartition(")")[2].split()[0]
