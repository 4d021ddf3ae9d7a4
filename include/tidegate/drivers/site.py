"""What every driver is told about the service it serves, besides its own settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tidegate.drivers.credentials import NotingResolver, Resolver, from_environment
from tidegate.drivers.vault import Vault, vault_of
from tidegate.model.traffic import Endpoint


@dataclass(frozen=True)
class Site:
    """``shares``: region -> basis points, in routing order. ``root``: every relative path in settings is below it.
    ``vault``: where the secrets of releases are; what ``resolve`` asks, unless another is given."""

    service: str
    shares: Mapping[str, int]
    endpoints: tuple[Endpoint, ...]
    root: Path
    resolve: Resolver = from_environment
    vault: Vault = field(default=None)  # type: ignore[assignment]  # set below; never None to a reader

    def __post_init__(self) -> None:
        if self.vault is None:
            object.__setattr__(self, "vault", vault_of(self.resolve))

    @property
    def connections(self) -> tuple[str, ...]:
        """The connections that this process has resolved for the service's drivers, if it keeps count."""
        return self.resolve.names if isinstance(self.resolve, NotingResolver) else ()

    @property
    def regions(self) -> tuple[str, ...]:
        return tuple(self.shares)

    def path(self, relative: str) -> Path:
        """A settings path below :attr:`root`. Raises ValueError if it leaves the root."""
        path = (self.root / relative).resolve()
        if not path.is_relative_to(self.root.resolve()):
            raise ValueError(f"path {relative!r} leaves {self.root}")
        return path
