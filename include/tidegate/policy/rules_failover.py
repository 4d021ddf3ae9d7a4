"""What must hold between ``failover`` and the rest of a policy. Pure, as :mod:`tidegate.policy.rules`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tidegate.policy.admission import admission_of
from tidegate.policy.problem import Problem
from tidegate.policy.rules_asked import approvers_of

if TYPE_CHECKING:
    from tidegate.policy.schema import Policy

ROLES = ("source", "target")  # what plans call the regions that are left and gone to


def failover_of(policy: Policy) -> Iterator[Problem]:
    """Of the policy as a whole."""
    part = policy.failover
    if part is None:
        return
    if len(policy.regions) != 2:
        hint = "leave failover out, or make it two regions"
        message = f"a service moves between exactly two regions, and {policy.service} has {len(policy.regions)}"
        yield Problem(message, ("failover",), hint, key=True)
    for name in set(policy.regions) & set(ROLES):
        yield Problem(f"{name!r} is what plans call a role", ("regions", name), "name the region otherwise", key=True)
    if part.instances is not None and part.instances < policy.capacity.instances:
        message = f"{part.instances} instances carry everything, and {policy.capacity.instances} a part of it"
        yield Problem(message, ("failover", "instances"), "raise it, or leave it out")
    yield from admission_of(policy)
    yield from approvers_of(part.approval, policy.roles, ("failover", "approval"))
