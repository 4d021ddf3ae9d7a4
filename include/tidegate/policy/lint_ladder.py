"""What ``lint`` says of the ladder: whether enough users come to judge a rung in its time. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.model.traffic import TOTAL
from tidegate.policy.problem import Loc
from tidegate.policy.quantities import duration_text
from tidegate.policy.schema import Policy

Said = tuple[str, str, Loc, str]  # rule, message, place, hint


def lint_ladder(policy: Policy) -> Iterator[Said]:
    """A rung that no region's users can decide in time always ends in a person being asked."""
    health, at = policy.rollback.health, ("rollback", "health")
    clean = 1 - (1 - health.confidence) ** (1 / health.requests)  # upper limit with no failure at all
    if clean >= health.not_above:
        message = f"{health.requests} requests without a failure prove no less than {clean:.2%}"
        yield "rung-few", message, at, "each rung waits for more than that: raise requests, or not_above"
    if policy.traffic is None:
        return
    for region, share in policy.shares.items():
        come = policy.traffic.rate * share / TOTAL * health.within
        if come < health.requests:
            message = (
                f"{region} sees about {come:.0f} requests in {duration_text(health.within)}, {health.requests} asked"
            )
            yield "rung-starved", message, at, "every way back would hold and ask: ask for fewer, or raise within"
