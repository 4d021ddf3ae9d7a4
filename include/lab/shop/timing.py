"""How long a request waits on others (payment, search): lognormal, so that there is a tail as in life."""

from __future__ import annotations

import math
import random
from statistics import NormalDist

from .dials import Dials

BROWSE_MEDIAN, BROWSE_SIGMA = 0.009, 0.25  # seconds, and the sigma of its logarithm
CHECKOUT_MEDIAN, CHECKOUT_SIGMA = 0.035, 0.45


def browse_seconds(rng: random.Random) -> float:
    """About 10 ms."""
    return BROWSE_MEDIAN * math.exp(BROWSE_SIGMA * rng.gauss(0, 1))


def checkout_seconds(rng: random.Random, dials: Dials) -> float:
    """About 40 ms; the slowest ``tail_part`` of them ``slow_tail`` times that."""
    z = rng.gauss(0, 1)
    seconds = CHECKOUT_MEDIAN * math.exp(CHECKOUT_SIGMA * z)
    in_tail = dials.tail_part > 0 and NormalDist().cdf(z) >= 1 - dials.tail_part
    return seconds * dials.slow_tail if in_tail else seconds
