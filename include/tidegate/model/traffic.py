"""Traffic as integers: basis points that always sum to 10,000.

The order of arms is fixed so that a session, hashed to a point on [0, 10,000), never flips its arm backwards while a
canary grows or shrinks: first region's candidate, first region's stable, next region's stable, next region's
candidate, and so on in mirrored pairs. That holds only while the regions' shares stand still.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from tidegate.model.topology import Arm, Slot

TOTAL = 10_000  # basis points
OTHER = "other"  # what requests of no class are called; judged where it can occur, never asked of a gate


@dataclass(frozen=True)
class Split:
    """Arms in routing order with their weights in basis points of all traffic.

    Invariant: weights are >= 0 and sum to :data:`TOTAL`; no arm stands twice, and none is a preview arm.
    """

    weights: tuple[tuple[Arm, int], ...]

    def __post_init__(self) -> None:
        arms = [arm for arm, _ in self.weights]
        if len(set(arms)) != len(arms):
            raise ValueError(f"an arm stands twice in {[a.name for a in arms]}")
        if any(arm.slot is Slot.PREVIEW for arm in arms):
            raise ValueError(f"a preview arm takes no part of the traffic: {[a.name for a in arms]}")
        if any(weight < 0 for _, weight in self.weights):
            raise ValueError(f"a weight is negative in {self}")
        total = sum(weight for _, weight in self.weights)
        if total != TOTAL:
            raise ValueError(f"weights sum to {total}, expected {TOTAL}: {self}")

    def __getitem__(self, arm: Arm) -> int:
        return dict(self.weights).get(arm, 0)

    @property
    def arms(self) -> tuple[Arm, ...]:
        return tuple(arm for arm, _ in self.weights)

    def region_share(self, region: str) -> int:
        """Basis points of all traffic that the region's arms take together."""
        return sum(weight for arm, weight in self.weights if arm.region == region)

    def within_region(self, arm: Arm) -> Fraction:
        """The arm's part of its own region's traffic, 0 where the region takes none."""
        share = self.region_share(arm.region)
        return Fraction(self[arm], share) if share else Fraction(0)

    def __str__(self) -> str:
        return ",".join(f"{arm.name}={weight}" for arm, weight in self.weights)

    @classmethod
    def parse(cls, text: str) -> Split:
        """Inverse of ``str``. Raises ValueError."""
        pairs = (item.split("=") for item in text.split(","))
        return cls(tuple((Arm.parse(name), int(weight)) for name, weight in pairs))


def canary_split(shares: Mapping[str, int], stable: Slot, candidate_weight: Mapping[str, int]) -> Split:
    """The split in which each region gives its candidate a part of the region's own share.

    ``shares``: region -> basis points of all traffic, in routing order, summing to 10,000.
    ``candidate_weight``: region -> basis points *of that region*, 0 where absent.
    Regions are laid out in mirrored pairs so that neighbours meet stable-to-stable.
    """
    rows: list[tuple[Arm, int]] = []
    for index, (region, share) in enumerate(shares.items()):
        candidate = share * candidate_weight.get(region, 0) // TOTAL
        pair = [(Arm(region, stable.other), candidate), (Arm(region, stable), share - candidate)]
        rows.extend(pair if index % 2 == 0 else reversed(pair))
    return Split(tuple(rows))


@dataclass(frozen=True)
class Endpoint:
    """A class of requests that is judged and routed on its own: matched by method and path prefix, first match wins."""

    name: str
    methods: tuple[str, ...]
    prefix: str

    def matches(self, method: str, path: str) -> bool:
        return (not self.methods or method in self.methods) and path.startswith(self.prefix)


def classify(endpoints: Sequence[Endpoint], method: str, path: str) -> str:
    """Name of the first endpoint class that matches, :data:`OTHER` if none does."""
    return next((e.name for e in endpoints if e.matches(method, path)), OTHER)
