"""What the primary was seen to have written, and when: what a region that is dark cannot be asked any more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

KEPT = 120  # looks


@dataclass(frozen=True)
class Written:
    """``looks``: epoch seconds at which a look began, and bytes of log that the primary in ``region`` had written then;
    oldest first. ``silent``: when it first did not answer since the last of them, None if it still did."""

    region: str
    looks: tuple[tuple[float, int], ...] = ()
    silent: float | None = None

    def and_then(self, region: str, at: float, position: int | None) -> Written:
        """With one more look. ``region``: of the primary, empty if none answered; another one begins anew."""
        if not region or position is None:
            return Written(self.region, self.looks, at if self.silent is None else self.silent) if self.looks else self
        before = self.looks if region == self.region and (not self.looks or position >= self.looks[-1][1]) else ()
        return Written(region, (*before, (at, position))[-KEPT:])

    def lacking(self, received: int, now: float) -> tuple[int | None, float | None]:
        """What a standby lacks that has ``received`` so many bytes: bytes, at least; and the seconds in which that was
        written, at most. None: not known."""
        if not self.looks:
            return None, None
        had = [at for at, position in self.looks if position <= received]
        until = now if self.silent is None else self.silent
        return max(0, self.looks[-1][1] - received), (max(0.0, until - had[-1]) if had else None)

    def to_json(self) -> dict[str, Any]:
        return {"region": self.region, "looks": [list(look) for look in self.looks], "silent": self.silent}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Written | None:
        """None for what cannot be read."""
        try:
            looks = tuple((float(at), int(position)) for at, position in value["looks"])
            silent = value["silent"]
            return cls(str(value["region"]), looks, None if silent is None else float(silent))
        except (KeyError, TypeError, ValueError):
            return None
