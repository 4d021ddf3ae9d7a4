"""Processes that are found again after whoever started them has died, and are ended by their number alone.

Each leads a session of its own, so that all it starts is found with it. The start time and the boot say that a number
was not given to somebody else since.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tidegate.drivers._files import replace

_PROC = Path("/proc")
_POLL = 0.05  # seconds
DIES_WITHIN = 10.0  # seconds, once it is killed


@dataclass(frozen=True)
class Started:
    """A leader of a session. ``at``: clock ticks since ``boot``."""

    pid: int
    at: int
    boot: str


def start(
    argv: Sequence[str], env: Mapping[str, str], folder: Path, log: Path, pid_file: Path
) -> subprocess.Popen[bytes]:
    """Whoever comes next finds it in ``pid_file``. Its output goes to ``log``, which is read by nobody else."""
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(handle, "ab") as out:
        found = subprocess.Popen(  # noqa: S603 - the policy's own program
            argv, env=dict(env), cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
        )
    line = _line(found.pid)
    replace(pid_file, json.dumps(asdict(Started(found.pid, line.at if line else 0, _boot()))), 0o600)
    return found


def read(pid_file: Path) -> Started | None:
    """None if nothing was started."""
    try:
        return Started(**json.loads(pid_file.read_text()))
    except FileNotFoundError:
        return None


def runs(one: Started | None) -> bool:
    """Whether the leader itself still runs."""
    line = _line(one.pid) if one is not None and one.boot == _boot() else None
    return line is not None and one is not None and line.at == one.at and line.state != "Z"


def end(one: Started | None, grace: float) -> None:
    """Asked to end, and killed with all that it has started if it has not after ``grace`` seconds. Nothing of it is
    there when this returns. Raises ``TimeoutError`` if it cannot be killed."""
    if one is None or one.boot != _boot():
        return
    if runs(one):
        _signal(one.pid, signal.SIGTERM)
        wait(lambda: not runs(one), grace)
    for pid in _members(one):
        _signal(pid, signal.SIGKILL)
    if not wait(lambda: not list(_members(one)), DIES_WITHIN):
        raise TimeoutError(f"process {one.pid} and what it has started cannot be killed")


def wait(until: Callable[[], bool], within: float) -> bool:
    """Whether it came about in time."""
    deadline = time.monotonic() + within
    while not until():
        if time.monotonic() >= deadline:
            return False
        time.sleep(_POLL)
    return True


@dataclass(frozen=True)
class _Line:
    state: str
    session: int
    at: int


def _line(pid: int) -> _Line | None:
    try:
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()  # a name may hold blanks
    except (FileNotFoundError, ProcessLookupError):
        return None
    return _Line(fields[0], int(fields[3]), int(fields[19]))


def _members(one: Started) -> Iterator[int]:
    """Who is left of its session. A number that leads one is given to nobody else meanwhile."""
    leader = _line(one.pid)
    if leader is not None and leader.at != one.at:
        return
    for entry in _PROC.iterdir():
        line = _line(int(entry.name)) if entry.name.isdigit() else None
        if line is not None and line.session == one.pid and line.state != "Z":
            yield int(entry.name)


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _boot() -> str:
    return (_PROC / "sys/kernel/random/boot_id").read_text().strip()
