"""Starting processes that can be found again, and ending exactly those.

Each supervisor is started as the leader of a session of its own; all that it starts stays in that session. The state
file keeps the leader's pid, its start time and the boot id. That is proof: Linux does not reuse a number while a
session bears it, so if no process has the leader's pid, every process in the session is ours; and if one has it with
another start time, the number was reused, hence our session is empty. Nothing is ever looked up by name.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

_PROC = Path("/proc")


@dataclass(frozen=True)
class Session:
    """A session leader that we started: ``started`` in clock ticks since boot ``boot``."""

    pid: int
    started: int
    boot: str

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class ProcessLine:
    """What /proc/<pid>/stat says of one process."""

    pid: int
    state: str
    parent: int
    group: int
    session: int
    started: int


def start_session(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    log: Path,
    record: Callable[[Session], None],
    directory: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Start ``argv`` as a session leader; ``record`` is told who it is at once. Output goes to ``log``."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as out:
        process = subprocess.Popen(  # noqa: S603  argv is ours
            argv, env=dict(env), stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=directory, start_new_session=True
        )
    line = read_process(process.pid)
    if line is None:
        raise RuntimeError(f"{argv[0]} ended as soon as it was started; see {log}")
    record(Session(process.pid, line.started, boot_id()))
    return process


def boot_id() -> str:
    """Changes with every boot of the machine."""
    return (_PROC / "sys/kernel/random/boot_id").read_text().strip()


def read_process(pid: int) -> ProcessLine | None:
    """The process with this pid, None if there is none."""
    try:
        text = (_PROC / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text.rpartition(")")[2].split()  # the name before it may hold blanks
    return ProcessLine(pid, fields[0], int(fields[1]), int(fields[2]), int(fields[3]), int(fields[19]))


def all_processes() -> Iterator[ProcessLine]:
    for entry in _PROC.iterdir():
        if entry.name.isdigit() and (line := read_process(int(entry.name))) is not None:
            yield line


def tree(pid: int) -> list[int]:
    """The process and all that descend from it."""
    children: dict[int, list[int]] = {}
    for line in all_processes():
        children.setdefault(line.parent, []).append(line.pid)
    found = [pid]
    for one in found:
        found.extend(children.get(one, ()))
    return found


def leads(session: Session) -> bool:
    """Whether the leader itself is still running."""
    line = read_process(session.pid)
    return _same_boot(session) and line is not None and line.started == session.started and line.state != "Z"


def members(session: Session) -> list[int]:
    """Pids of every live process of the session that we started; empty if the session is gone."""
    leader = read_process(session.pid)
    if not _same_boot(session) or (leader is not None and leader.started != session.started):
        return []
    return [p.pid for p in all_processes() if p.session == session.pid and p.state != "Z"]


def end(session: Session, *, grace: float) -> int:
    """Ask the leader to stop (or, if it is gone, everybody), wait up to ``grace`` seconds, then kill what is left.
    Returns how many were killed."""
    if leads(session):
        _signal(session, session.pid, signal.SIGTERM)
        _wait(lambda: not leads(session), grace)
        grace = 0.5
    else:
        for pid in members(session):
            _signal(session, pid, signal.SIGTERM)
    _wait(lambda: not members(session), grace)
    killed: set[int] = set()
    while left := members(session):
        killed |= {pid for pid in left if _signal(session, pid, signal.SIGKILL)}
        time.sleep(0.02)
    return len(killed)


def kill(session: Session) -> None:
    """Kill every process of the session now, stopped ones as well; returns when none is left."""
    while left := members(session):
        for pid in left:
            _signal(session, pid, signal.SIGKILL)
        time.sleep(0.01)


def working_in(directory: Path, program: str) -> list[int]:
    """Pids of processes that run a file of this name and whose working directory is below ``directory``, ours alone."""
    found = []
    for process in all_processes():
        try:
            there = (_PROC / str(process.pid) / "cwd").readlink()
            runs = (_PROC / str(process.pid) / "exe").readlink()
        except OSError:
            continue  # gone meanwhile, or another user's
        if there.is_relative_to(directory) and runs.name == program:
            found.append(process.pid)
    return found


def kill_working_in(directory: Path, program: str) -> int:
    """Kill every such process; returns how many there were, when none is left."""
    killed: set[int] = set()
    while left := working_in(directory, program):
        for pid in left:
            kill_one(pid)
        killed |= set(left)
        time.sleep(0.01)
    return len(killed)


def kill_one(pid: int) -> None:
    """SIGKILL, unless it is gone already."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def reap(pid: int) -> None:
    """Collect a child of ours that has ended, so that it is no zombie."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return


def _same_boot(session: Session) -> bool:
    return session.boot == boot_id()


def _signal(session: Session, pid: int, number: signal.Signals) -> bool:
    """Signal ``pid`` through a pidfd, once it is certain that it is still a member: no reused pid can be hit."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return False
    try:
        line = read_process(pid)
        if line is None or line.session != session.pid:
            return False
        signal.pidfd_send_signal(handle, number)
    except ProcessLookupError:
        return False
    finally:
        os.close(handle)
    return True


def _wait(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.02)
    return True
