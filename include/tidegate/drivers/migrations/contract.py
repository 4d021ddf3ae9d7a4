"""Migrations drivers: which revision the live database's schema is at."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from tidegate.drivers.token import Token


class Migrations(Protocol):
    """Contract of the family. ``migrate`` converges to one revision, upwards or downwards, and is idempotent."""

    def observe(self) -> str:
        """The revision of the live primary, "" for an empty schema. Raises ``Unreachable``."""
        ...

    def migrate(self, revision: str, files: Path, token: Token) -> None:
        """Bring the live primary to ``revision`` by the migrations in ``files``."""
        ...

    def ping(self) -> None:
        """Raises ``Unreachable`` if the database does not answer."""
        ...
