"""Contract: take away from the schema what only older releases need. An operation of its own (decision 12)."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.model.operation import OperationKind
from tidegate.plan.model import ApprovalNode, Gate, Node, Phase, Plan, Reversibility, Stage, Step
from tidegate.plan.names import APPROVE_CONTRACT
from tidegate.plan.settings import bound_settings, check_specs, proof_args
from tidegate.policy.schema import Policy


def has_contract(policy: Policy) -> bool:
    """Whether the service can contract at all: it has migrations, and people who may say yes."""
    return policy.drivers.migrations is not None and policy.migrations.approval is not None


def contract_plan(policy: Policy, policy_digest: str) -> Plan:
    """The plan of ``contract__<service>``. It has no way back: until the approval nothing has been touched, and behind
    the migration there is none."""
    checks = check_specs(policy)
    snapshot = Step("snapshot.take", "snapshot_data", {"checks": checks}, effect=False)
    admit = Step("admit.contract", "admit_contract", proof_args(policy), effect=False)
    data = Gate("verify.data", "data", policy.rollback.capacity_within, {"checks": checks})
    stages = (
        Stage("admit", "Look and prove", Phase.FORWARD, (admit,)),
        Stage("snapshot", "Data before", Phase.FORWARD, (snapshot,)),
        Stage("contract", "Close the way back", Phase.FORWARD, tuple(_contract(policy))),
        Stage("verify", "Data after", Phase.FORWARD, (data,)),
    )
    return Plan(policy.service, OperationKind.CONTRACT, policy_digest, bound_settings(policy), stages)


def _contract(policy: Policy) -> Iterator[Node]:
    approval = policy.migrations.approval
    assert approval is not None  # has_contract
    yield ApprovalNode(APPROVE_CONTRACT, approval.people, approval.quorum, approval.within)
    for number, region in enumerate(policy.promotion.waves, start=1):
        args = {"region": region, "role": "candidate"}
        yield Step(f"contract.withdraw-{number}", "withdraw_release", args, approval=APPROVE_CONTRACT)
    yield Step(
        "contract.migrate",
        "contract_schema",
        {"lock_timeout": policy.migrations.lock_timeout},
        reversibility=Reversibility.POINT_OF_NO_RETURN,
        approval=APPROVE_CONTRACT,
    )
