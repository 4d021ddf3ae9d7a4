"""What every driver is told about the service it serves, besides its own settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tidegate.drivers.credentials import Resolver, from_environment
from tidegate.model.traffic import Endpoint


@dataclass(frozen=True)
class Site:
    """``shares``: region -> basis points, in routing order. ``root``: every relative path in settings is below it."""

    service: str
    shares: Mapping[str, int]
    endpoints: tuple[Endpoint, ...]
    root: Path
    resolve: Resolver = from_environment

    @property
    def regions(self) -> tuple[str, ...]:
        return tuple(self.shares)

    def path(self, relative: str) -> Path:
        """A settings path below :attr:`root`. Raises ValueError if it leaves the root."""
        path = (self.root / relative).resolve()
        if not path.is_relative_to(self.root.resolve()):
            raise ValueError(f"path {relative!r} leaves {self.root}")
        return path
