"""The guards of the failover protocol: what breaks without each, and how little has to go wrong for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

MODEL = Path(__file__).with_name("failover.pml")
MISHAPS = ("LOSSES", "CRASHES", "THEFTS", "CUTS", "RESTARTS")

WITHOUT_PROOF = "no promotion without proof or signature"
TWO_WRITERS = "at most one writable database at any instant"
NO_END = "the operation is at its end"
LATE_FENCE = "a stale actor fences no later writer"
REBUILT = "nobody rebuilds a writer"
ROUND_AND_ROUND = "a cycle: it may go on for ever"


@dataclass(frozen=True)
class Taken:
    """``mishap``: the one thing that has to go wrong besides, empty where nothing has to."""

    guard: str
    breaks: str
    mishap: str = ""

    @property
    def switches(self) -> dict[str, int]:
        """The guard off, and no mishap but its own."""
        return {**{name: int(name == self.mishap) for name in MISHAPS}, self.guard: 0}


GUARDS = (
    Taken("EPOCH", REBUILT, "THEFTS"),
    Taken("FENCE", WITHOUT_PROOF),
    Taken("PROOF", WITHOUT_PROOF),
    Taken("RELOOK", WITHOUT_PROOF, "THEFTS"),
    Taken("SIGN", WITHOUT_PROOF),
    Taken("WRAPPER", WITHOUT_PROOF, "RESTARTS"),
    Taken("FLIGHT", LATE_FENCE, "CRASHES"),
    Taken("LOOK", TWO_WRITERS, "LOSSES"),
    Taken("ADMIT", ROUND_AND_ROUND, "RESTARTS"),
    Taken("TAKE", NO_END, "CRASHES"),
    Taken("POWER", NO_END),
)


@dataclass(frozen=True)
class Whole:
    """A check of the protocol with every guard. ``mishaps``: how many of each there may be."""

    mishaps: dict[str, int] = field(default_factory=dict)


EVERYTHING = Whole(dict.fromkeys(MISHAPS, 1))
MORE_THEFTS = Whole({**dict.fromkeys(MISHAPS, 1), "THEFTS": 2})
