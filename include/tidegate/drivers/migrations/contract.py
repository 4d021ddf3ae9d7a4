"""Migration drivers: which revision the service's schema is at, bringing it to another, and trying that out before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tidegate.drivers.token import Token
from tidegate.model.migration import Proof

BASE = "base"  # before the first revision


@dataclass(frozen=True)
class SchemaState:
    """``revision``: ``base`` before the first. ``epoch``: of the last that migrated, 0 if none has. ``region``: where
    the primary is that said so."""

    revision: str
    epoch: int
    region: str


@dataclass(frozen=True)
class SchemaMove:
    """``revisions``: those that were run, in the order in which they were."""

    came_from: str
    now_at: str
    revisions: tuple[str, ...]


@dataclass(frozen=True)
class Act:
    """A release's smoke test. ``argv``: with ``{python}`` to fill in; it gets ``write`` or ``read`` as a last argument,
    and the database in the variable ``SMOKE_DATABASE_URL``. ``files``: where it runs."""

    version: str
    mode: str
    argv: tuple[str, ...]
    files: Path

    def __str__(self) -> str:
        return f"{self.version} {'writes' if self.mode == 'write' else 'reads'}"


@dataclass(frozen=True)
class Acted:
    """``output``: the end of what the smoke test printed, if it failed."""

    act: Act
    passed: bool
    output: str = ""


class Migrations(Protocol):
    """Contract of the family. ``files``: a directory with a release's verified files, as artifacts ``fetch`` gives it;
    the scripts in it are the release's own."""

    def observe(self) -> SchemaState:
        """As the live primary says. Raises ``Unreachable``, ``NotYet`` (no primary), ``Refused`` (two, or the schema is
        at several revisions)."""
        ...

    def between(self, files: Path, lower: str, upper: str) -> tuple[str, ...]:
        """Revisions above ``lower`` up to ``upper`` in the order of an upgrade; () if ``upper`` is not above. Raises
        ``Refused`` naming one that the files do not hold."""
        ...

    def migrate(self, files: Path, target: str, token: Token, lock_timeout: float) -> SchemaMove:
        """Bring the schema to exactly ``target``, up or down, in one transaction: whole or not at all. Proves just
        before that it is the primary.

        A revision that leaves its transaction has a path of its own, one revision at a time.

        Raises ``LeaseLost`` (the database has seen a newer epoch), ``NotYet`` (another migration runs), ``Throttled``
        (a lock was not had within ``lock_timeout`` seconds), ``Rejected`` (a revision failed; the schema is as it was),
        ``NotSettled`` (it failed on a path of its own, and stands in between), ``Refused``, ``OutcomeUnknown``."""
        ...

    def prove(self, files: Path, target: str, sample: int) -> Proof:
        """Try every revision from where the schema is up to ``target`` on a scratch copy. Raises ``Refused``,
        ``Rejected``, ``Unreachable``."""
        ...

    def rehearse(self, files: Path, target: str, acts: Sequence[Act], sample: int) -> tuple[Acted, ...]:
        """On a scratch copy at ``target``, the acts in order; those after the first that fails are left out."""
        ...

    def ping(self) -> None:
        """Raises ``Unreachable``, or ``Refused`` if scratch databases cannot be made."""
        ...
