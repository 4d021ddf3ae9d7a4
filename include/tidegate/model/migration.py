"""What is known of a service's migrations: what a proof found out about each revision."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Reversible(StrEnum):
    """Whether a revision can be undone, as tried out. ``LOSSY``: the schema comes back, values do not."""

    YES = "yes"
    LOSSY = "lossy"
    NO = "no"
    FAILS = "fails"  # the upgrade itself does not run


@dataclass(frozen=True)
class Lock:
    """A lock that the upgrade holds until it commits, stronger than what readers take. ``mode``: PostgreSQL's name."""

    relation: str
    mode: str


@dataclass(frozen=True)
class Blocking:
    """A statement during which others wait for as long as the table is large. ``rows``: of the table in the source,
    None where no source was given. ``why``: ``rewrites``, ``scans`` or ``updates``; ``way``: ``up`` or ``down``."""

    relation: str
    why: str
    mode: str
    statement: str
    rows: int | None
    way: str = "up"

    def is_large(self, at_least: int) -> bool:
        return self.rows is not None and self.rows >= at_least


@dataclass(frozen=True)
class RevisionProof:
    """One revision, up, down and up again in a scratch database.

    ``lost``: what no downgrade brings back. ``shed``: what the upgrade added and a downgrade takes away, with whatever
    was written there. ``differences``: lines of the schema that are not as before. ``outside``: it leaves the
    transaction (``autocommit_block``), so a failure half-way leaves something behind. ``note``: what else to know of
    how it was tried.
    """

    revision: str
    summary: str
    reversible: Reversible
    why: str = ""
    lost: tuple[str, ...] = ()
    shed: tuple[str, ...] = ()
    differences: tuple[str, ...] = ()
    locks: tuple[Lock, ...] = ()
    blocks: tuple[Blocking, ...] = ()
    outside: bool = False
    note: str = ""

    @property
    def can_be_undone(self) -> bool:
        return self.reversible is Reversible.YES


@dataclass(frozen=True)
class Proof:
    """``compared_by``: how schemas were compared, in words. ``source``: where schema and rows came from, in words.
    ``left_out``: what of the source could not be copied."""

    revisions: tuple[RevisionProof, ...]
    compared_by: str
    source: str
    left_out: tuple[str, ...] = ()

    @property
    def irreversible(self) -> tuple[RevisionProof, ...]:
        return tuple(one for one in self.revisions if not one.can_be_undone)

    def blocking(self, at_least: int) -> tuple[Blocking, ...]:
        """Statements that block a table with so many rows or more."""
        return tuple(b for one in self.revisions for b in one.blocks if b.is_large(at_least))
