"""Where a service is: which region's database takes writes, and which part of the traffic each region has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tidegate.model.traffic import TOTAL


@dataclass(frozen=True)
class Placement:
    """As an operation left it. ``primary``: the region whose database takes writes. ``shares``: region -> basis points.
    ``protected``: the other region's database follows, so that it could take over. ``away``: not as the policy has
    it in fair weather. ``synced``: the region whose database has held every acknowledged write since, "" if none is
    known to have. ``operation``: the one that recorded it."""

    primary: str
    shares: Mapping[str, int]
    protected: bool
    away: bool
    operation: str
    synced: str = ""

    @property
    def without_share(self) -> tuple[str, ...]:
        """Regions that take no traffic."""
        return tuple(region for region, share in self.shares.items() if not share)

    def to_json(self) -> dict[str, Any]:
        return {
            "primary": self.primary,
            "shares": dict(self.shares),
            "protected": self.protected,
            "away": self.away,
            "operation": self.operation,
            "synced": self.synced,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Placement:
        return cls(
            value["primary"],
            dict(value["shares"]),
            bool(value["protected"]),
            bool(value["away"]),
            str(value["operation"]),
            str(value.get("synced", "")),
        )


def moved(begin: Mapping[str, int], end: Mapping[str, int], part: int) -> dict[str, int]:
    """Shares that are ``part`` basis points of the way from ``begin`` to ``end``, for two regions. They sum to
    10,000, and are ``begin`` at 0 and ``end`` at 10,000."""
    first, *others = begin
    share = begin[first] + (end[first] - begin[first]) * part // TOTAL
    rest = dict.fromkeys(others, TOTAL - share)
    return {first: share, **rest}
