"""Releases in a directory: ``index.json``, ``<version>/envelope.json`` and ``<version>/<service>-<version>.tar.gz``.

Only what a signed envelope says counts; the names of directories are not believed. Whoever may write ``public_keys``
decides whom this site trusts: outside a lab, keep that directory where the builders of releases cannot write.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from tidegate.drivers._files import locked, replace, sync_directory
from tidegate.drivers.artifacts._archive import LIMITS
from tidegate.drivers.artifacts._manifest import INDEX
from tidegate.drivers.artifacts._shelf import Shelf
from tidegate.drivers.artifacts._signatures import TooFewKeysError, Trust
from tidegate.drivers.site import Site
from tidegate.errors import Refused, Rejected, Unreachable

KEY_SUFFIX = ".pub.json"
LARGEST = LIMITS.total
LOCK_WITHIN = 30.0  # seconds to wait for another publisher


class Settings(BaseModel):
    """Paths are below the site's root. ``threshold``: how many different keys must have signed. ``keys``: the key ids
    that may sign, every one in ``public_keys`` if not given. ``public_keys``: a directory of ``<keyid>.pub.json``
    files, ``<path>/keys`` if not given. ``cache``: where releases are unpacked."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str
    threshold: Annotated[int, Field(ge=1, le=20)]
    keys: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    public_keys: str | None = None
    cache: str = "lab/cache"


@dataclass(frozen=True)
class DirectoryStore:
    """A :class:`~tidegate.drivers.artifacts._shelf.Store` on a file system."""

    root: Path
    key_directory: Path
    threshold: int
    allowed: tuple[str, ...] | None = None

    def versions(self) -> tuple[str, ...]:
        try:
            return tuple(p.name for p in self.root.iterdir() if p.is_dir() and p != self.key_directory)
        except OSError as error:
            raise Unreachable(f"releases at {self.root} cannot be listed: {error.strerror}") from error

    def read(self, version: str, name: str) -> bytes | None:
        if not self.root.is_dir():
            raise Unreachable(f"there is no directory {self.root}", next_step="build the releases, or mount it")
        path = self.root / version / name
        try:
            if (size := path.stat().st_size) > LARGEST:
                raise Rejected(f"{path} has {size} bytes, at most {LARGEST} are read")
            return path.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise Unreachable(f"{path} cannot be read: {error.strerror}") from error

    def put(self, version: str, files: Mapping[str, bytes]) -> Mapping[str, bytes] | None:
        """Written beside, made durable, then renamed: a reader sees the whole release or none."""
        target = self.root / version
        with self._writing():
            if target.is_dir():
                return {path.name: path.read_bytes() for path in target.iterdir() if path.is_file()}
            fresh = self.root / f".{version}.fresh"
            shutil.rmtree(fresh, ignore_errors=True)  # of one who was killed here
            fresh.mkdir()
            for name, content in files.items():
                _write_durably(fresh / name, content)
            sync_directory(fresh)
            fresh.rename(target)
            sync_directory(self.root)
        return None

    def put_index(self, data: bytes) -> None:
        with self._writing():
            replace(self.root / INDEX, data.decode("utf-8"))

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """One publisher at a time. Raises ``Unreachable`` for what the file system refuses."""
        if not self.root.is_dir():
            raise Unreachable(f"there is no directory {self.root}", next_step="make it, or mount it")
        try:
            with locked(self.root / ".lock", LOCK_WITHIN):
                yield
        except OSError as error:
            raise Unreachable(f"releases at {self.root} cannot be written: {error.strerror}") from error

    def trust(self) -> Trust:
        return trusted_keys(self.key_directory, self.threshold, self.allowed)


def trusted_keys(directory: Path, threshold: int, allowed: tuple[str, ...] | None = None) -> Trust:
    """The public keys in ``directory``: those of ``allowed``, or all. Raises :class:`Refused` if one is missing, or if
    they are fewer than the threshold."""
    if not directory.is_dir():
        says = f"there is no directory {directory}, where the public keys that are trusted belong"
        raise Refused(says, next_step=f"make it, and put a KEYID{KEY_SUFFIX} of everybody who may sign there")
    found = {path.name.removesuffix(KEY_SUFFIX): path for path in directory.glob(f"*{KEY_SUFFIX}")}
    wanted = allowed if allowed is not None else tuple(sorted(found))
    for keyid in wanted:
        if keyid not in found:
            present = ", ".join(sorted(found)) or "none"
            raise Refused(
                f"trusted key {keyid!r} has no file {keyid}{KEY_SUFFIX} in {directory}",
                next_step=f"put it there, or remove {keyid!r} from keys; present: {present}",
            )
    try:
        return Trust({keyid: read_key(found[keyid]) for keyid in wanted}, threshold)
    except TooFewKeysError as error:
        raise Refused(f"in {directory} {error.message}", next_step=error.next_step) from None


def _write_durably(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        os.fchmod(file.fileno(), 0o444)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def read_key(path: Path) -> Mapping[str, Any]:
    """A public key file's content. Raises :class:`Refused` for anything else."""
    try:
        key: Any = json.loads(path.read_bytes())
        if isinstance(key, dict) and isinstance(key["keyval"]["public"], str):
            return key
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Refused(f"{path} is no public key: {error}") from error
    raise Refused(f"{path} is no public key: expected keytype, scheme and keyval.public")


def connect(settings: Settings, site: Site) -> Shelf:
    root = site.path(settings.path)
    keys = site.path(settings.public_keys) if settings.public_keys else root / "keys"
    return Shelf(DirectoryStore(root, keys, settings.threshold, settings.keys), site.path(settings.cache))
