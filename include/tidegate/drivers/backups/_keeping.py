"""The process that keeps the archive: ``pg_receivewal`` on today's best source, looked at every second."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from tidegate.drivers._files import replace
from tidegate.drivers.backups._place import Place
from tidegate.drivers.backups._programs import conninfo, last_line, process, run
from tidegate.drivers.backups._servers import ARCHIVE, SLOT, Seen, Servers, primary_of, source_of
from tidegate.drivers.backups.contract import Told
from tidegate.drivers.credentials import Credential
from tidegate.errors import EffectError

EVERY = 1.0  # seconds between two looks
STAMPED_BEFORE = 1.0  # seconds: a commit's time is taken before its row of the log is written
LOOK_AGAIN = 5.0  # seconds until it is looked again whether a backup is due
SILENT = 15  # looks at which a source says nothing of the archive, after which another one is asked
_KEPT = 900  # looks at the primary that the archive has not reached yet


@dataclass
class Reach:
    """How far the archive has come, from what was seen. Pure but for its memory."""

    until: float | None = None
    to: int | None = None
    primary: str = ""
    waiting: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=_KEPT))

    def see(self, primary: Seen | None, archived: int | None) -> None:
        """What the primary had written, and what the archive has."""
        if primary is not None:
            if primary.region != self.primary:
                self.waiting.clear()
                self.primary = primary.region
            self.waiting.append((primary.at - STAMPED_BEFORE, primary.position))
        while archived is not None and self.waiting and self.waiting[0][1] <= archived:
            self.until, self.to = self.waiting.popleft()


class Keeper:
    """``credentials``: by region. ``secret``: the file with their passwords."""

    def __init__(self, place: Place, credentials: Mapping[str, Credential], secret: Path, told: Told) -> None:
        self._place, self._credentials, self._secret, self._told = place, credentials, secret, told
        self._servers = Servers(credentials)
        self._child: subprocess.Popen[bytes] | None = None
        self._source, self._failed, self._said, self._silent = "", "", "", 0
        before = place.archived()
        self._reach = Reach(before.get("until"), before.get("to"))

    def run(self, stop: threading.Event) -> None:
        try:
            while not stop.is_set():
                self._look()
                stop.wait(EVERY)
        finally:
            self._end()
            self._servers.close()

    def _look(self) -> None:
        try:
            trouble = self._go_on(self._servers.look())
        except EffectError as error:
            trouble = error.message
        note = {"at": time.time(), "until": self._reach.until, "to": self._reach.to}
        replace(self._place.archive, json.dumps({**note, "source": self._source, "trouble": trouble}), 0o600)
        if trouble != self._said:
            self._told(f"archive: {trouble or f'goes on from {self._source}'}")
            self._said = trouble

    def _go_on(self, seen: Mapping[str, Seen]) -> str:
        """Returns what is wrong, "" if nothing is."""
        if self._child is not None and self._child.poll() is not None:
            return self._ended()
        if self._child is None:
            self._start(source_of(seen, self._failed), seen)
        here = seen.get(self._source)
        self._reach.see(primary_of(seen), here.archived if here else None)
        if here is not None and here.archived is not None:
            self._failed, self._silent = "", 0
            return ""
        self._silent += 1
        if self._silent <= SILENT:
            return ""
        self._end()  # a frozen server would be waited for without end
        return self._ended()

    def _ended(self) -> str:
        """Its end is no fault in itself: the server may have been stopped. The other one is asked next."""
        words = last_line(self._log.read_text(errors="replace")) if self._log.exists() else ""
        self._child, self._failed, self._silent = None, self._source, 0
        return f"pg_receivewal from {self._source} ended: {words}"

    def _start(self, source: str, seen: Mapping[str, Seen]) -> None:
        for other in seen:
            if other != source:
                self._servers.drop_slot(other)
        where = conninfo(self._credentials[source], self._secret, ARCHIVE)
        self._source = self._failed = source
        run(self._place, "pg_receivewal", "-d", where, "--slot", SLOT, "--create-slot", "--if-not-exists")
        argv = [str(self._place.programs / "pg_receivewal"), "-D", str(self._place.wal), "-d", where, "--slot", SLOT]
        with self._log.open("wb") as log:
            self._child = _popen([*argv, "--no-loop", "--status-interval=1"], log, self._place)

    @property
    def _log(self) -> Path:
        return self._place.directory / "archive.log"

    def _end(self) -> None:
        """SIGINT: it writes what it has, and ends."""
        if self._child is None or self._child.poll() is not None:
            return
        self._child.terminate()
        try:
            self._child.wait(10)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()


def take_in_time(due: Callable[[], bool], take: Callable[[], str], stop: threading.Event, told: Told) -> None:
    """A backup whenever one is due; one that fails is tried again after a while that doubles, up to half an hour."""
    pause = LOOK_AGAIN
    while not stop.is_set():
        try:
            if due():
                told(take())
            pause = LOOK_AGAIN
        except EffectError as error:
            told(f"no backup: {error}")
            pause = min(2 * pause, 1800.0)
        stop.wait(pause)


def _popen(argv: list[str], log: IO[bytes], place: Place) -> subprocess.Popen[bytes]:
    return subprocess.Popen(argv, stdout=log, stderr=log, **process(place))  # noqa: S603  argv is ours
