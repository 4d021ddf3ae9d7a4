"""The second place: where the witness keeps what it has signed. Streams of lines that only grow, and a few documents.

:class:`HeadStore` is what a store has to do, so that one in S3 with object lock (one object per line) can follow. The
default is a directory. A store cannot see its own newest lines taken away: whoever owns it can do that. What he cannot
do is sign others. Copies elsewhere narrow this further.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import IO, Protocol

from tidegate.errors import Refused

HEADS = "heads"  # streams heads/<service>
ALARMS = "alarms"
PUBLIC_KEY = "witness.pem"
ABOUT = "witness.json"


class HeadStore(Protocol):
    """Streams are named ``heads/<service>`` and ``alarms``; lines hold no newline."""

    def streams(self) -> list[str]: ...

    def lines(self, stream: str) -> list[str]:
        """All whole lines of a stream, oldest first; none if there is no such stream."""
        ...

    def append(self, stream: str, line: str) -> None:
        """Durable when it returns."""
        ...

    def document(self, name: str) -> bytes | None: ...

    def publish(self, name: str, content: bytes) -> None:
        """Write a document, whole or not at all."""
        ...


class DirectoryStore:
    """``<root>/heads/<service>.jsonl``, ``<root>/alarms.jsonl`` and documents beside them. Readable by all."""

    NAMES = (HEADS, f"{ALARMS}.jsonl", PUBLIC_KEY, ABOUT, f".{PUBLIC_KEY}.part", f".{ABOUT}.part", ".lock")

    def __init__(self, root: Path) -> None:
        self.root = root
        self._lock: IO[str] | None = None

    def claim(self) -> None:
        """Be its only writer until this process ends. Raises :class:`Refused` if another is; mends a torn last line."""
        self._make()
        self._lock = (self.root / ".lock").open("a")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refused(f"another witness writes to {self.root}", next_step="one witness per store: end it") from None
        for stream in self.streams():
            _drop_torn_line(self._path(stream))

    def streams(self) -> list[str]:
        found = self.root.glob("**/*.jsonl")
        return sorted(str(path.relative_to(self.root).with_suffix("")) for path in found)

    def lines(self, stream: str) -> list[str]:
        path = self._path(stream)
        if not path.exists():
            return []
        return path.read_text(errors="replace").split("\n")[:-1]  # what follows the last newline is not whole yet

    def append(self, stream: str, line: str) -> None:
        descriptor = os.open(self._path(stream), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(descriptor, line.encode() + b"\n")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def document(self, name: str) -> bytes | None:
        path = self.root / name
        return path.read_bytes() if path.exists() else None

    def publish(self, name: str, content: bytes) -> None:
        temporary = self.root / f".{name}.part"
        temporary.write_bytes(content)
        temporary.chmod(0o644)
        temporary.replace(self.root / name)

    def _path(self, stream: str) -> Path:
        return self.root / f"{stream}.jsonl"

    def _make(self) -> None:
        for directory in (self.root, self.root / HEADS):
            directory.mkdir(parents=True, exist_ok=True, mode=0o755)


def _drop_torn_line(path: Path) -> None:
    """A witness that was killed in mid-write leaves a line without its end: it was never published."""
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        os.truncate(path, whole)
