"""Release archives: packed reproducibly, read without trusting them.

An archive is a gzipped tar of regular files. :func:`pack` of the same files gives the same bytes on every machine with
the same zlib. :func:`unpack` never touches a disk: whatever an archive says, nothing leaves memory unchecked.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tidegate.model.canonical import digest

MEBIBYTE = 1 << 20


@dataclass(frozen=True)
class Limits:
    """What an archive may hold at most; sizes in bytes. ``total`` counts everything that the gzip layer yields."""

    total: int = 64 * MEBIBYTE
    file: int = 16 * MEBIBYTE
    files: int = 2_000


LIMITS = Limits()


class UnsafeArchiveError(ValueError):
    """An archive that must not be unpacked; says which entry and why."""


def sha256(content: bytes) -> str:
    """Hex."""
    return hashlib.sha256(content).hexdigest()


def files_digest(files: Mapping[str, str]) -> str:
    """The digest of a release: over the canonical JSON of {relative path: SHA-256 hex}."""
    return digest(dict(files))


def pack(files: Mapping[str, bytes]) -> bytes:
    """A reproducible archive: entries sorted by path, owner 0, mode 0644, time 0."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name in sorted(files):
            entry = tarfile.TarInfo(check_path(name))
            entry.size, entry.mode, entry.mtime = len(files[name]), 0o644, 0
            archive.addfile(entry, io.BytesIO(files[name]))
    return gzip.compress(raw.getvalue(), compresslevel=9, mtime=0)


def unpack(archive: bytes, limits: Limits = LIMITS) -> dict[str, bytes]:
    """The files in ``archive`` by path. Raises UnsafeArchiveError unless all are plain files below the root."""
    files: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(inflate(archive, limits.total)), mode="r:") as tar:
            for entry in tar:
                if entry.isdir() and check_path(entry.name):
                    continue
                _check_entry(entry, files, limits)
                content = tar.extractfile(entry)
                assert content is not None
                files[entry.name] = content.read()
    except (tarfile.TarError, EOFError) as error:
        raise UnsafeArchiveError(f"is no readable tar: {error}") from error
    return files


def inflate(data: bytes, most: int) -> bytes:
    """The content of exactly one gzip stream, ``most`` bytes of it at most."""
    stream = zlib.decompressobj(wbits=31)
    try:
        content = stream.decompress(data, most + 1)
    except zlib.error as error:
        raise UnsafeArchiveError(f"is no readable gzip: {error}") from error
    if len(content) > most:
        raise UnsafeArchiveError(f"holds more than {most} bytes")
    if not stream.eof or stream.unused_data:
        raise UnsafeArchiveError("is no single, complete gzip stream")
    return content


def _check_entry(entry: tarfile.TarInfo, seen: Mapping[str, bytes], limits: Limits) -> None:
    check_path(entry.name)
    if not entry.isreg() or entry.issparse():
        raise UnsafeArchiveError(f"entry {entry.name!r} is no plain file (links, devices and the like are refused)")
    if entry.name in seen:
        raise UnsafeArchiveError(f"entry {entry.name!r} stands twice")
    if entry.size > limits.file:
        raise UnsafeArchiveError(f"entry {entry.name!r} has {entry.size} bytes, at most {limits.file} are allowed")
    if len(seen) >= limits.files:
        raise UnsafeArchiveError(f"has more than {limits.files} entries")


def check_path(name: str) -> str:
    """``name`` if it is a relative path that stays below its root. Raises :class:`UnsafeArchiveError`."""
    path = PurePosixPath(name)
    odd = "\\" in name or any(ord(c) < 32 for c in name) or name != str(path)
    if odd or path.is_absolute() or ".." in path.parts or not path.parts:
        raise UnsafeArchiveError(f"entry {name!r} is no plain relative path")
    return name


def first_difference(files: Mapping[str, str], signed: Mapping[str, str]) -> str | None:
    """The first file, by path, that is not as signed (both: path -> SHA-256 hex), in words; None if all are."""
    for name in sorted({*files, *signed}):
        if name not in signed:
            return f"file {name} is not in the signed manifest"
        if name not in files:
            return f"file {name} is missing"
        if files[name] != signed[name]:
            return f"file {name} has sha256 {files[name]} but the signed manifest says {signed[name]}"
    return None


def hashes(files: Mapping[str, bytes]) -> dict[str, str]:
    """Path -> SHA-256 hex."""
    return {name: sha256(content) for name, content in files.items()}


def tree_hashes(root: Path) -> dict[str, str]:
    """Path -> SHA-256 hex of every file below ``root``; for what is no plain file, a word that no digest equals."""
    return {
        path.relative_to(root).as_posix(): sha256(path.read_bytes()) if _is_plain(path) else "not-a-plain-file"
        for path in sorted(root.rglob("*"))
        if path.is_symlink() or not path.is_dir()
    }


def _is_plain(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def write_tree(root: Path, files: Mapping[str, bytes]) -> None:
    """Write ``files`` below ``root``, read-only."""
    for name, content in files.items():
        path = root / check_path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(0o444)
