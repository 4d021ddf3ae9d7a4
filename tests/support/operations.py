"""Operations on the memory estate, by the in-process runner."""

from __future__ import annotations

from tests.support.estate import Rig
from tidegate.engine.open import Request, open_operation
from tidegate.engine.runner import AskPeople, drive, nobody
from tidegate.engine.view import OperationView
from tidegate.model.operation import OperationKind
from tidegate.plan.promotion import promotion_plan
from tidegate.plan.rollback import rollback_plan


def open_promotion(rig: Rig, version: str, request_id: str = "") -> OperationView:
    request = Request(OperationKind.PROMOTION, request_id or f"promote {version}", "cat", "a test", version)
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
