"""Artifact drivers: where releases come from, and the proof that they are what their builders signed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from tidegate.model.release import Release


@dataclass(frozen=True)
class ReleaseIndex:
    """The signed index: ``oldest_sequence`` is the smallest sequence that may still be promoted."""

    oldest_sequence: int
    vetoed: frozenset[str] = frozenset()  # digests

    def shuts_out(self, release: Release) -> str | None:
        """Why a release may not be promoted, None if it may."""
        if release.digest in self.vetoed:
            return f"{release.digest} is vetoed"
        if release.sequence < self.oldest_sequence:
            return (
                f"it is too old: its sequence is {release.sequence} and the release index allows "
                f"{self.oldest_sequence} or newer"
            )
        return None

    def looser(self, new: ReleaseIndex) -> str | None:
        """What ``new`` lets in that this index shuts out, None if nothing."""
        if new.oldest_sequence < self.oldest_sequence:
            return f"allows sequence {new.oldest_sequence}, the published one nothing below {self.oldest_sequence}"
        if lifted := sorted(self.vetoed - new.vetoed):
            return f"lifts the veto on {', '.join(lifted)}"
        return None


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


@runtime_checkable
class Publishes(Protocol):
    """What a driver of the family has as well if releases can be published through it."""

    def publish(self, version: str, files: Mapping[str, bytes]) -> bool:
        """Offer a release: its archive and envelope by file name, verified first with the keys that this site trusts.

        Whole or not at all, and durable once it returns. False if exactly these bytes were on offer already. Raises
        ``Refused`` if the version is on offer with other bytes, is too old or is vetoed; ``Rejected`` as
        :meth:`Artifacts.verify`; ``Unreachable``."""
        ...

    def publish_index(self, data: bytes) -> bool:
        """Put a signed index in place of the one before. False if it stood there already. Raises ``Refused`` for one
        that would let back in what the one before shuts out; ``Rejected``; ``Unreachable``."""
        ...
