"""Promotion: verify, snapshot, then region by region and step by step behind gates, bake, certify; and the way back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tidegate.model.operation import OperationKind
from tidegate.model.traffic import TOTAL
from tidegate.plan.exposure import exposure_stages
from tidegate.plan.model import ApprovalNode, Gate, Node, Phase, Plan, Reversibility, Stage, Step
from tidegate.plan.names import APPROVE_EXPAND, percent
from tidegate.plan.return_path import return_path
from tidegate.plan.settings import bound_settings, check_specs, proof_args
from tidegate.policy.schema import Approval, Policy

GUARD_WITHIN = 120.0  # seconds to wait for a live guard before a promotion gives up
DATA_WITHIN = 120.0  # seconds for a run of the data checks that is not blind
READY_WITHIN = 120.0  # seconds for the edge to see every new instance healthy


def promotion_plan(policy: Policy, policy_digest: str) -> Plan:
    """The plan of ``promote__<service>``: its shape depends on the policy alone."""
    checks = check_specs(policy)
    stages = [
        Stage("admit", "Admit the release", Phase.FORWARD, tuple(_admit(policy))),
        Stage(
            "snapshot",
            "Data before",
            Phase.FORWARD,
            (Step("snapshot.take", "snapshot_data", {"checks": checks}, effect=False),),
        ),
        *_expand(policy),
        *_waves(policy),
        Stage("bake", "Bake at full weight", Phase.FORWARD, (_bake(policy), _data(policy, "bake"))),
        Stage("certify", "Certify the baseline", Phase.FORWARD, tuple(_certify(policy))),
        *exposure_stages(policy, tuple(_relax(policy, "settle"))),
        return_path(policy, checks, phase=Phase.RETURN, stop_loss=True),
    ]
    return Plan(policy.service, OperationKind.PROMOTION, policy_digest, bound_settings(policy), tuple(stages))


def _admit(policy: Policy) -> Iterator[Node]:
    yield Step("admit.verify", "verify_release", effect=False)
    yield Gate("admit.guard", "guard_alive", GUARD_WITHIN)
    if policy.drivers.migrations is not None:
        yield Step("admit.prove", "prove_migrations", proof_args(policy), effect=False)


def _expand(policy: Policy) -> Iterator[Stage]:
    """Before any traffic. The people are asked only if the proof has found something that cannot be undone."""
    if policy.drivers.migrations is None:
        return
    rules, nodes = policy.migrations, list[Node]()
    if rules.irreversible == "gate" and rules.approval is not None:
        nodes.append(ApprovalNode(APPROVE_EXPAND, rules.approval.people, rules.approval.quorum, rules.approval.within))
    approval = nodes[-1].id if nodes else None
    nodes.append(Step("expand.migrate", "migrate_schema", {"lock_timeout": rules.lock_timeout}, approval=approval))
    yield Stage("expand", "Expand the schema", Phase.FORWARD, tuple(nodes))


def _waves(policy: Policy) -> Iterator[Stage]:
    done: dict[str, int] = {}
    for number, region in enumerate(policy.promotion.waves, start=1):
        nodes = tuple(_wave(policy, number, region, dict(done)))
        yield Stage(f"wave-{number}", f"Wave {number}", Phase.FORWARD, nodes)
        done[region] = TOTAL


def _wave(policy: Policy, number: int, region: str, done: dict[str, int]) -> Iterator[Node]:
    stage, promotion = f"wave-{number}", policy.promotion
    deploy = {"region": region, "role": "candidate", "instances": policy.capacity.instances, "wait": True}
    yield Step(f"{stage}.deploy", "deploy_release", deploy)
    yield Gate(f"{stage}.ready", "ready", READY_WITHIN, {"region": region, "role": "candidate"})
    weights = promotion.steps if number == 1 else (promotion.later_steps or promotion.steps)
    asked: set[int] = set()
    for weight in weights:
        due = [a for a in promotion.approvals if a.before <= weight and a.before not in asked]
        due = [a for a in due if number == 1 or a.each_region]
        approvals = [_approval(stage, a) for a in due]
        asked |= {a.before for a in due}
        yield from approvals
        yield Step(
            f"{stage}.shift-{percent(weight)}",
            "shift_traffic",
            {"weights": {**done, region: weight}},
            approval=approvals[-1].id if approvals else None,
        )
        yield _evidence(policy, stage, region, weight)
    yield _data(policy, stage)


def _approval(stage: str, approval: Approval) -> ApprovalNode:
    node_id = f"{stage}.approve-{percent(approval.before)}"
    return ApprovalNode(node_id, approval.people, approval.quorum, approval.within)


def _evidence(policy: Policy, stage: str, region: str, weight: int) -> Gate:
    evidence = policy.promotion.evidence[weight]
    args: dict[str, Any] = {
        **evidence.model_dump(),
        "endpoints": list(evidence.endpoints),
        "region": region,
        "full_weight": weight == TOTAL,
    }
    return Gate(f"{stage}.gate-{percent(weight)}", "evidence", policy.promotion.gate_within, args)


def _data(policy: Policy, stage: str) -> Gate:
    """A release may answer well and write wrongly: the rows are looked at too, before it goes further."""
    return Gate(f"{stage}.data", "data", DATA_WITHIN, {"checks": check_specs(policy)})


def _bake(policy: Policy) -> Gate:
    bake = policy.promotion.bake
    within = policy.promotion.gate_within + bake.lasts
    return Gate("bake.watch", "bake", within, {"lasts": bake.lasts, "requests": bake.requests})


def _certify(policy: Policy) -> Iterator[Node]:
    until = Reversibility.REVERSIBLE_UNTIL
    yield Step("certify.baseline", "certify_baseline", effect=False, reversibility=until)
    yield Step("certify.catalog", "enter_catalog", effect=False, reversibility=until)
    if policy.promotion.exposure is None:
        yield from _relax(policy, "certify")


def _relax(policy: Policy, stage: str) -> Iterator[Node]:
    """The old slot goes down to what is kept warm, once nothing of this operation can go back to it at once."""
    warm = -(-policy.capacity.instances * policy.capacity.keep_warm // TOTAL)  # rounded up: never to nothing
    for number, region in enumerate(policy.promotion.waves, start=1):
        args = {"region": region, "role": "stable", "instances": warm, "wait": True}
        yield Step(f"{stage}.relax-{number}", "deploy_release", args)
