"""Every plan of a service that somebody can begin from a terminal."""

from __future__ import annotations

from tidegate.plan.failover import failover_plan
from tidegate.plan.model import Plan
from tidegate.plan.moving import can_move
from tidegate.plan.promotion import promotion_plan
from tidegate.plan.reprotect import reprotect_plan
from tidegate.plan.rollback import rollback_plan
from tidegate.plan.switchover import switchover_plan
from tidegate.policy.schema import Policy


def plans_of(policy: Policy, digest: str) -> dict[str, Plan]:
    """By kind. ``digest``: of the policy."""
    planners = [promotion_plan, rollback_plan]
    planners += [switchover_plan, failover_plan, reprotect_plan] if can_move(policy) else []
    return {(made := planner(policy, digest)).kind.value: made for planner in planners}
