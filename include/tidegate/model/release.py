"""Releases and what is known of them."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Release:
    """A release as its verified manifest describes it.

    ``digest``: ``sha256:`` + hex over the canonical manifest, which lists the SHA-256 of every file; the running
    processes compute the same from the files they loaded. ``sequence`` grows with every release that is published
    and is what "older" means.
    """

    version: str
    digest: str
    sequence: int
    schema_revision: str = ""
    flags: tuple[str, ...] = field(default=())
