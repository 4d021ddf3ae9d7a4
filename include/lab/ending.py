"""Ending everything that the state file proves to be ours, and nothing else."""

from __future__ import annotations

import ctypes
import shutil
import threading
import time
from pathlib import Path

from lab import processes, state
from lab.places import Places
from lab.postgres_user import data_directory
from lab.processes import Session
from lab.progress import Progress

_SEGMENT_LINE, _IPC_RMID = 6, 0
GRACE = 12.0  # seconds; more than any program of the lab is given to stop


def end_everything(places: Places, progress: Progress) -> int:
    """End all that was started since the last time; returns how many processes had to be killed. Idempotent."""
    now = state.load(places.state)
    if now is None:
        return 0
    now.set_phase("stopping")
    killed = _end_sessions(list(now.sessions.values()))
    killed += _end_servers(data_directory(places))
    for pid_file in data_directory(places).glob("*/postmaster.pid"):
        _free_shared_memory(pid_file)
    for left in data_directory(places).glob("restored-*"):  # its note goes with the lab's directory
        shutil.rmtree(left)
    for path in (places.state, places.ports, places.env):
        path.unlink(missing_ok=True)
    progress.say("everything is stopped" + (f" ({killed} processes had to be killed)" if killed else ""))
    return killed


def _end_sessions(sessions: list[Session]) -> int:
    killed: list[int] = []
    threads = [
        threading.Thread(target=lambda s=session: killed.append(processes.end(s, grace=GRACE))) for session in sessions
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for session in sessions:
        processes.reap(session.pid)
    return sum(killed)


def _end_servers(data: Path, grace: float = 3.0) -> int:
    """PostgreSQL's own children leave the session, but work in its data directory; they end by themselves once their
    server is gone, and are killed if they do not."""
    deadline = time.monotonic() + grace
    while time.monotonic() < deadline and processes.working_in(data, "postgres"):
        time.sleep(0.02)
    left = processes.working_in(data, "postgres")
    for pid in left:
        processes.kill_one(pid)
    return len(left)


def _free_shared_memory(pid_file: Path) -> None:
    """A server that was killed leaves its pid file, which names the one shared memory segment that it left as well."""
    lines = pid_file.read_text().splitlines()
    if len(lines) > _SEGMENT_LINE and len(words := lines[_SEGMENT_LINE].split()) == 2:
        ctypes.CDLL(None).shmctl(int(words[1]), _IPC_RMID, None)
    pid_file.unlink()


def wipe(directory: Path, keep: tuple[str, ...]) -> None:
    """Remove what is in a directory, except these names."""
    if not directory.is_dir():
        return
    for entry in directory.iterdir():
        if entry.name in keep:
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
