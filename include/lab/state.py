"""What is up: the sessions that were started, in a file that the next command can trust (:mod:`lab.processes`)."""

from __future__ import annotations

import fcntl
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab import processes
from lab.places import Places, write_private
from lab.processes import Session
from tidegate.errors import Refused


@dataclass
class State:
    """``phase``: ``starting``, ``up`` or ``stopping``. ``sessions``: third place and regions, by name."""

    path: Path
    phase: str = "starting"
    airflow: bool = False
    sessions: dict[str, Session] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()

    def add(self, name: str, session: Session) -> None:
        with self._lock:
            self.sessions[name] = session
            self._save()

    def set_phase(self, phase: str) -> None:
        with self._lock:
            self.phase = phase
            self._save()

    def whole(self) -> bool:
        """Whether the start was finished and every supervisor still runs."""
        return self.phase == "up" and all(processes.leads(s) for s in self.sessions.values())

    def anything_left(self) -> bool:
        return any(processes.members(session) for session in self.sessions.values())

    def _save(self) -> None:
        document: dict[str, Any] = {"phase": self.phase, "airflow": self.airflow}
        document["sessions"] = {name: session.to_json() for name, session in self.sessions.items()}
        write_private(self.path, json.dumps(document, indent=1))


def load(path: Path) -> State | None:
    """The state on disk, None if nothing was started since the last `down`."""
    try:
        document = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    sessions = {name: Session(**session) for name, session in document["sessions"].items()}
    return State(path, document["phase"], document["airflow"], sessions)


@contextmanager
def exclusively(places: Places, what: str) -> Iterator[None]:
    """One `up`, `down` or `reset` at a time. Raises :class:`Refused` naming the process that is at it."""
    places.lab.mkdir(parents=True, exist_ok=True)
    with places.lock.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise Refused(
                f"another command is at work on this lab ({file.read().strip()})",
                next_step="wait for it, or stop it with Ctrl-C where it runs",
            ) from None
        file.truncate(0)
        file.write(f"lab {what}, pid {os.getpid()}\n")
        file.flush()
        yield
