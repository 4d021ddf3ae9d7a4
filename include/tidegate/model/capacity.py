"""How much of a region's traffic the stable arm can take: pure arithmetic."""

from __future__ import annotations

import math

from tidegate.model.traffic import TOTAL


def lowest_safe_weight(demand: float, healthy: int, per_instance: float) -> int:
    """The smallest candidate weight (basis points of the region) that leaves the stable arm within its declared limit.

    ``demand``: requests per second that the region receives. Rounded up, so that the limit is never passed.
    With no demand 0; with no healthy instance 10,000: nothing may move.
    """
    if healthy <= 0:
        return TOTAL
    if demand <= 0:
        return 0
    carried = min(1.0, healthy * per_instance / demand)
    return math.ceil((1.0 - carried) * TOTAL)
