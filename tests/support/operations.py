"""Operations on the memory estate, by the in-process runner."""

from __future__ import annotations

from typing import Any

from tests.support.estate import Rig, quick_policy
from tidegate.engine.execute import run_step
from tidegate.engine.gates import look_at_gate
from tidegate.engine.open import Request, open_operation
from tidegate.engine.runner import AskPeople, drive, nobody
from tidegate.engine.view import OperationView, fold_operation, require
from tidegate.model.operation import OperationKind
from tidegate.model.traffic import TOTAL
from tidegate.model.verdict import Verdict
from tidegate.plan.model import Gate, Node, Step
from tidegate.plan.promotion import promotion_plan
from tidegate.plan.rollback import rollback_plan
from tidegate.policy.schema import Bake, Policy, StepEvidence


def small_policy(**changes: Any) -> Policy:
    """Two steps in each region and gates that a few requests fill."""
    small: dict[str, Any] = {
        "steps": (2500, TOTAL),
        "later_steps": (TOTAL,),
        "evidence": {2500: StepEvidence(requests=3), TOTAL: StepEvidence(requests=3)},
        "bake": Bake.model_validate({"lasts": "1s", "requests": 3}),
        "warm_up": 0.1,
    }
    policy = quick_policy(**{**small, **changes})
    easy = policy.rollback.health.model_copy(update={"requests": 5, "not_above": 0.6})
    return policy.model_copy(update={"rollback": policy.rollback.model_copy(update={"health": easy})})


def open_promotion(rig: Rig, version: str, request_id: str = "", **asked: Any) -> OperationView:
    """``asked``: more of the request."""
    request = Request(OperationKind.PROMOTION, request_id or f"promote {version}", "cat", "a test", version, **asked)
    plan = promotion_plan(rig.world.policy, rig.world.policy_digest)
    return open_operation(rig.world, request, plan, actor="test")


def promote(rig: Rig, version: str, ask: AskPeople = nobody) -> OperationView:
    return drive(rig.world, open_promotion(rig, version).id, actor="test", ask=ask)


def open_rollback(rig: Rig, target: str | None = None, *, fast_lane: bool = False) -> OperationView:
    request = Request(OperationKind.ROLLBACK, f"rollback {target}", "cat", "a test", target, fast_lane)
    plan = rollback_plan(rig.world.policy, rig.world.policy_digest)
    return open_operation(rig.world, request, plan, actor="test")


def roll_back(rig: Rig, target: str | None = None, *, fast_lane: bool = False) -> OperationView:
    return drive(rig.world, open_rollback(rig, target, fast_lane=fast_lane).id, actor="test")


def weights(rig: Rig) -> dict[str, int]:
    """Arm -> basis points at the router, arms without weight left out."""
    split = rig.traffic.observe().split
    assert split is not None
    return {arm.name: weight for arm, weight in split.weights if weight}


def advance(rig: Rig, view: OperationView, until: str) -> OperationView:
    """Run the nodes of the plan in order, up to and without ``until``; approvals are left to the test."""
    for _, node in view.plan.nodes():
        if node.id == until:
            break
        settle(rig, view, node)
    return now(rig, view)


def settle(rig: Rig, view: OperationView, node: Node) -> None:
    """Run a step, or wait for a gate; an approval is left to the test."""
    if isinstance(node, Step):
        run_step(rig.world, view.id, node.id, actor="test")
    elif isinstance(node, Gate):
        while (report := look_at_gate(rig.world, view.id, node.id, actor="test")).evidence.verdict != Verdict.PASS:
            assert not report.final, f"{node.id}: {report.evidence.why}"
            rig.clock.sleep(0.25)


def now(rig: Rig, view: OperationView) -> OperationView:
    """The operation as the journal has it."""
    return require(fold_operation(rig.world.journal.events(view.service, operation=view.id)), view.id)
