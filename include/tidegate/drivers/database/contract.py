"""Database drivers: roles, and where to read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True)
class DatabaseState:
    """One region's database. ``role``: ``primary``, ``standby`` or ``unreachable``. ``lag_bytes``: behind the primary,
    None where it is not known. ``why``: for an unreachable one, what came instead of an answer, without secrets."""

    region: str
    role: str
    lag_bytes: int | None = None
    why: str = ""


@dataclass(frozen=True)
class DatabaseAddress:
    """A SQLAlchemy URL with its secret; never printed."""

    region: str
    url: str = field(repr=False)


class Database(Protocol):
    """Contract of the family, as far as reading goes."""

    def observe(self) -> Mapping[str, DatabaseState]:
        """Every region's state, by region. An unreachable one is a state, not an error."""
        ...

    def primary(self) -> DatabaseAddress:
        """Where writes go now, as proved by asking it. Raises ``Unreachable`` if none answers, ``NotYet`` if none
        is a primary, ``Refused`` if two are."""
        ...

    def standbys(self) -> tuple[DatabaseAddress, ...]:
        """Where the standbys are read, those that do not answer among them; without the primary."""
        ...

    def ping(self) -> None:
        """Raises ``Unreachable`` if no database answers."""
        ...
