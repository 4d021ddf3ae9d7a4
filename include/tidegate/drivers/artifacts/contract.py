"""Artifact drivers: where releases come from, and the proof that they are what their builders signed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tidegate.model.release import Release


@dataclass(frozen=True)
class ReleaseIndex:
    """The signed index: ``oldest_sequence`` is the smallest sequence that may still be promoted."""

    oldest_sequence: int
    vetoed: frozenset[str] = frozenset()  # digests


class Artifacts(Protocol):
    """Contract of the family. Every answer has been verified: file digests and m-of-n signatures."""

    def versions(self) -> tuple[str, ...]:
        """Versions on offer, unverified, sorted by version."""
        ...

    def verify(self, version: str) -> Release:
        """Check every file's SHA-256 and the signatures. Raises ``Rejected`` naming the file or the signature that
        is wrong, ``Refused`` (with the likely version) if there is no such release, ``Unreachable``."""
        ...

    def index(self) -> ReleaseIndex:
        """The verified index. Raises ``Rejected``, ``Unreachable``."""
        ...

    def fetch(self, release: Release) -> Path:
        """A directory with exactly the release's files, verified again after unpacking. Raises as :meth:`verify`."""
        ...

    def ping(self) -> None:
        """Raises ``Unreachable``."""
        ...
