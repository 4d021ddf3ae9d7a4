"""Regions, slots and arms: where a release can run and take traffic."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Slot(StrEnum):
    """Each region has two places for a release that serves; which of them is stable is a fact in the journal. The third
    is for a release that is shown to those alone who ask for it by name: it never has a weight."""

    A = "a"
    B = "b"
    PREVIEW = "p"

    @property
    def other(self) -> Slot:
        """Of the two that serve. Raises ValueError for the third."""
        if self is Slot.PREVIEW:
            raise ValueError("the preview slot has no other")
        return Slot.B if self is Slot.A else Slot.A


SERVING = (Slot.A, Slot.B)


@dataclass(frozen=True, order=True)
class Arm:
    """One slot of one region: what a router weighs and a metrics system labels."""

    region: str
    slot: Slot

    @property
    def name(self) -> str:
        """``east-a``: the name of the Envoy cluster, and of the arm in logs and reports."""
        return f"{self.region}-{self.slot}"

    @classmethod
    def parse(cls, name: str) -> Arm:
        """Inverse of :attr:`name`. Raises ValueError for anything else."""
        region, dash, slot = name.rpartition("-")
        if not dash or not region:
            raise ValueError(f"not an arm: {name!r} (expected <region>-<slot>, like east-a)")
        return cls(region, Slot(slot))

    def __str__(self) -> str:
        return self.name
