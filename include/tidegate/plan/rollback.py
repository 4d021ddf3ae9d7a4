"""Rollback: back to a certified baseline, by the same way back that a failed promotion takes."""

from __future__ import annotations

from tidegate.model.operation import OperationKind
from tidegate.plan.consistency import consistent
from tidegate.plan.model import Gate, Phase, Plan, Stage, Step
from tidegate.plan.return_path import return_path
from tidegate.plan.settings import bound_settings, check_specs
from tidegate.policy.schema import Policy

REACHABLE_WITHIN = 120.0  # seconds to wait for the router, and the slots' control of a region at least, to answer


def rollback_plan(policy: Policy, policy_digest: str) -> Plan:
    """The plan of ``rollback__<service>``. Here the way back is the way forward: it has no other."""
    checks = check_specs(policy)
    admit = Stage(
        "admit",
        "Choose the baseline",
        Phase.FORWARD,
        (
            Step("admit.target", "verify_target", effect=False),
            Gate("admit.reachable", "answering", REACHABLE_WITHIN),
        ),
    )
    conclude = Stage(
        "conclude",
        "Record the baseline",
        Phase.FORWARD,
        (
            Step("conclude.baseline", "restore_baseline", effect=False),
            *consistent(policy, policy.rollback.capacity_within),
        ),
    )
    back = return_path(policy, checks, phase=Phase.FORWARD, stop_loss=False)
    stages = (admit, back, conclude)
    return Plan(policy.service, OperationKind.ROLLBACK, policy_digest, bound_settings(policy), stages)
