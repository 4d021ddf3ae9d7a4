"""The last gate of what moves users: what they reach beside the router has followed. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.plan.model import Gate
from tidegate.policy.schema import Policy

NODE = "conclude.consistent"


def consistent(policy: Policy, within: float) -> Iterator[Gate]:
    """Behind everything else, so that it holds nothing up that protects; none where the policy compares nothing."""
    part = policy.consistency
    if part is not None and (part.dns or part.assets):
        yield Gate(NODE, "consistent", within, {"compared": part.model_dump(mode="json")})
