"""What is signed: a release's manifest and the index."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, StrictInt, ValidationError

from tidegate.drivers.artifacts._archive import UnsafeArchiveError, check_path, files_digest, hashes, sha256
from tidegate.drivers.artifacts.contract import ReleaseIndex
from tidegate.errors import Rejected
from tidegate.model.release import Release

ENVELOPE = "envelope.json"
MANIFEST = "manifest.json"  # in an unpacked release: the signed payload
INDEX = "index.json"
M = TypeVar("M", bound=BaseModel)


class Manifest(BaseModel):
    """A release as its builders signed it. ``archive``: SHA-256 of the archive; ``files``: path -> SHA-256 of each.

    ``command``: argv, with ``{python}`` and ``{port}`` to be filled in by whoever starts it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    service: str
    version: str
    sequence: StrictInt
    digest: str
    archive: str
    files: dict[str, str]
    command: tuple[str, ...]
    schema_revision: str = ""
    flags: tuple[str, ...] = ()

    @property
    def archive_name(self) -> str:
        return f"{self.service}-{self.version}.tar.gz"

    def release(self) -> Release:
        return Release(self.version, self.digest, self.sequence, self.schema_revision, self.flags)


class Index(BaseModel):
    """``oldest_sequence``: the smallest that may still be promoted. ``vetoed``: digests that must not run any more."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    oldest_sequence: StrictInt
    vetoed: tuple[str, ...] = ()

    def contract(self) -> ReleaseIndex:
        return ReleaseIndex(self.oldest_sequence, frozenset(self.vetoed))


@dataclass(frozen=True)
class Details:
    """What a builder adds to the files of a release."""

    service: str
    version: str
    sequence: int
    command: tuple[str, ...]
    schema_revision: str = ""
    flags: tuple[str, ...] = ()


def describe(details: Details, files: Mapping[str, bytes], archive: bytes) -> Manifest:
    """The manifest of ``files``, packed as ``archive``."""
    listed = hashes(files)
    return Manifest(
        service=details.service,
        version=details.version,
        sequence=details.sequence,
        digest=files_digest(listed),
        archive=sha256(archive),
        files=listed,
        command=details.command,
        schema_revision=details.schema_revision,
        flags=details.flags,
    )


def read_manifest(payload: Mapping[str, Any], version: str, what: str) -> Manifest:
    """The manifest in a signed payload. Raises :class:`Rejected` if it is another version's or contradicts itself."""
    manifest = _validated(Manifest, payload, what)
    if manifest.version != version:
        raise Rejected(f"{what}: the signed manifest is of release {manifest.version}, not of {version}")
    try:
        for name in manifest.files:
            check_path(name)
    except UnsafeArchiveError as error:
        raise Rejected(f"{what}: the signed manifest lists a path that is not allowed: {error}") from error
    if MANIFEST in manifest.files:
        raise Rejected(f"{what}: a release must not hold a file {MANIFEST} of its own")
    if (computed := files_digest(manifest.files)) != manifest.digest:
        raise Rejected(f"{what}: the signed digest is {manifest.digest}, but the listed files give {computed}")
    return manifest


def read_index(payload: Mapping[str, Any], what: str) -> ReleaseIndex:
    """Raises :class:`Rejected`."""
    return _validated(Index, payload, what).contract()


def _validated(kind: type[M], payload: Mapping[str, Any], what: str) -> M:
    try:
        return kind.model_validate(payload)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(p) for p in first["loc"])
        raise Rejected(f"{what}: the signed payload is wrong at {place!r}: {first['msg']}") from error
