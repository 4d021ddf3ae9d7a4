"""A detour: the requests of one endpoint class are answered in another region, while everything else stays."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tidegate.model.topology import Arm
from tidegate.model.traffic import TOTAL, Split

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")


@dataclass(frozen=True)
class Detour:
    """Requests of ``endpoint`` go to the arms of the region ``to`` alone. Raises ValueError for a name that a router's
    own text could not carry."""

    endpoint: str
    to: str

    def __post_init__(self) -> None:
        for name in (self.endpoint, self.to):
            if not _NAME.fullmatch(name):
                raise ValueError(f"not a name for a detour: {name[:80]!r}")

    def __str__(self) -> str:
        return f"{self.endpoint}>{self.to}"

    @classmethod
    def parse(cls, text: str) -> Detour:
        """Inverse of ``str``. Raises ValueError."""
        endpoint, found, to = text.partition(">")
        if not found:
            raise ValueError(f"not a detour: {text[:80]!r} (expected <endpoint>><region>)")
        return cls(endpoint, to)


def detoured(split: Split, to: str) -> Split:
    """The split that a detoured class has: each arm of the region ``to`` takes the part of the class that it takes of
    its region's traffic. Where that region takes no traffic at all the split itself: a service that has left a region
    sends nothing there by an older detour.
    """
    share = split.region_share(to)
    if not share:
        return split
    rows: list[tuple[Arm, int]] = []
    upto = given = 0
    for arm, weight in split.weights:
        upto += weight if arm.region == to else 0
        rows.append((arm, upto * TOTAL // share - given))
        given += rows[-1][1]
    return Split(tuple(rows))
