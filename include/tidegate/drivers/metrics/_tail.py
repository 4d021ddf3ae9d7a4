"""Following a log file by inode and offset, through rotation and truncation, whole lines only."""

from __future__ import annotations

import os
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

MOST_BYTES = 4 * 1024 * 1024  # per call
MOST_LINES = 20_000  # per call
_PRINT = 64  # bytes before the offset that must still be the same


@dataclass(frozen=True)
class Position:
    """After byte ``offset`` of the file ``inode``. ``print``: CRC of the bytes before it, which tells a file that was
    truncated and has grown again, or a new one with an old inode, from the one that was read."""

    inode: int
    offset: int
    print: int

    def __str__(self) -> str:
        return f"{self.inode}:{self.offset}:{self.print}"

    @classmethod
    def parse(cls, text: str) -> Position:
        """Inverse of ``str``. Raises ValueError."""
        inode, offset, fingerprint = (int(part) for part in text.split(":"))
        if offset < 0:
            raise ValueError(f"negative offset in {text!r}")
        return cls(inode, offset, fingerprint)


@dataclass(frozen=True)
class Chunk:
    """Complete lines, where to go on, and what is known to have been missed (empty: nothing)."""

    lines: tuple[bytes, ...]
    position: Position
    gap: str = ""


def end_of(path: Path) -> tuple[Position, bytes]:
    """The position after the last complete line, and that line (empty if there is none). Raises OSError."""
    with path.open("rb") as stream:
        size = os.fstat(stream.fileno()).st_size
        start = max(0, size - 64 * 1024)
        stream.seek(start)
        tail = stream.read(size - start)
        complete = tail.rfind(b"\n") + 1
        lines = tail[:complete].splitlines()
        return _position(stream, start + complete), lines[-1] if lines else b""


def read_after(path: Path, position: Position) -> Chunk:
    """What was written after ``position``: first the rest of a file that has been renamed, then the one that took its
    name. Raises OSError if neither is there."""
    if (old := _renamed(path, position)) is not None:
        with old:
            chunk = _chunk(old, position.offset)
            if chunk.lines or not path.exists():
                return chunk
            left = _left_over(old, chunk.position.offset)
        return _from_start(path, left)
    with path.open("rb") as stream:
        if _fits(stream, position):
            return _chunk(stream, position.offset)
        same = os.fstat(stream.fileno()).st_ino == position.inode
    return _from_start(path, "the log was truncated" if same else "the log was replaced, its old file is gone")


def _from_start(path: Path, gap: str) -> Chunk:
    with path.open("rb") as stream:
        chunk = _chunk(stream, 0)
    return Chunk(chunk.lines, chunk.position, gap)


def _renamed(path: Path, position: Position) -> BinaryIO | None:
    """The file that was being read, open, if it stands beside ``path`` under another name now."""
    if _inode(path) == position.inode:
        return None
    for sibling in sorted(path.parent.glob(f"{path.name}?*")):
        if _inode(sibling) == position.inode:
            stream = sibling.open("rb")
            if _fits(stream, position):
                return stream
            stream.close()
    return None


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return None


def _fits(stream: BinaryIO, position: Position) -> bool:
    """Whether ``position`` was taken in this very file."""
    status = os.fstat(stream.fileno())
    if status.st_ino != position.inode or status.st_size < position.offset:
        return False
    return _position(stream, position.offset) == position


def _position(stream: BinaryIO, offset: int) -> Position:
    start = max(0, offset - _PRINT)
    stream.seek(start)
    return Position(os.fstat(stream.fileno()).st_ino, offset, zlib.crc32(stream.read(offset - start)))


def _chunk(stream: BinaryIO, offset: int) -> Chunk:
    stream.seek(offset)
    data = stream.read(MOST_BYTES)
    end = data.rfind(b"\n") + 1
    if not end and len(data) == MOST_BYTES:  # a line as long as all that may be read: step over it
        return Chunk((), _position(stream, offset + len(data)), f"a line of more than {MOST_BYTES} bytes")
    lines = data[:end].split(b"\n")[:-1]
    if len(lines) > MOST_LINES:
        lines = lines[:MOST_LINES]
        end = sum(map(len, lines)) + MOST_LINES
    return Chunk(tuple(lines), _position(stream, offset + end))


def _left_over(stream: BinaryIO, offset: int) -> str:
    size = os.fstat(stream.fileno()).st_size
    return f"an unfinished line of {size - offset} bytes at the end of the old log" if size > offset else ""
