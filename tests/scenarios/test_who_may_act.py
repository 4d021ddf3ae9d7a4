"""The policy's roles are asked by the engine itself, whoever calls it: a page, a task, the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.estate import Rig, build
from tests.support.operations import advance, now, open_promotion, small_policy
from tests.support.policies import ROOT
from tidegate.engine import control
from tidegate.engine.approve import give_approval, request_approval
from tidegate.engine.open import Request, open_operation
from tidegate.engine.permission import GUARD, may
from tidegate.engine.takeover import take_over
from tidegate.engine.view import OperationView
from tidegate.errors import Forbidden
from tidegate.model.operation import OperationKind
from tidegate.model.roles import Action
from tidegate.plan.promotion import promotion_plan
from tidegate.policy.load import load_policy
from tidegate.policy.schema import Approval, Policy

BY = {"person": "aud", "reason": "a test", "actor": "test"}
NODE = "wave-1.approve-25"
ROLES = load_policy(ROOT / "dags" / "policies" / "shop.yaml").policy.roles


def policy() -> Policy:
    """``cat`` requests, ``ann`` and ``ben`` approve; ``aud`` is an auditor, and named as an approver by mistake."""
    asked = Approval.model_validate({"before": "25%", "from": ["ann", "aud"], "quorum": 1, "within": "1m"})
    return small_policy(approvals=(asked,)).model_copy(update={"roles": ROLES})


def open_as(rig: Rig, person: str) -> OperationView:
    request = Request(OperationKind.PROMOTION, f"by {person}", person, "a test", "1.1.0")
    plan = promotion_plan(rig.world.policy, rig.world.policy_digest)
    return open_operation(rig.world, request, plan, actor="test")


def approve(rig: Rig, view: OperationView) -> None:
    request_approval(rig.world, view.id, NODE, actor="test")
    give_approval(rig.world, view.id, NODE, person="aud", plan_digest=view.plan_digest, actor="test")


ACTS: dict[str, Callable[[Rig, OperationView], object]] = {
    "pause": lambda rig, view: control.pause(rig.world, view.id, **BY),
    "resume": lambda rig, view: control.resume(rig.world, view.id, **BY),
    "abort": lambda rig, view: control.abort(rig.world, view.id, **BY),
    "break-glass": lambda rig, view: take_over(rig.world, view.id, person="aud", reason="a test"),
    "approve": approve,
}


@pytest.mark.parametrize("act", [*ACTS, "promote"])
def test_whoever_may_not_changes_nothing(tmp_path: Path, act: str) -> None:
    rig = build(tmp_path, policy())
    view = None if act == "promote" else advance(rig, open_promotion(rig, "1.1.0"), NODE)
    before = rig.world.journal.head("shop").epoch
    with pytest.raises(Forbidden, match="aud may not"):
        ACTS[act](rig, view) if view else open_as(rig, "aud")
    assert rig.world.journal.head("shop").epoch == before
    assert view is None or (now(rig, view).held, now(rig, view).approvals) == (None, ())


def test_nobody_and_the_guards_name_may_nothing() -> None:
    everybody = ROLES.model_copy(update={"operator": "*"}) if ROLES else None
    shop = policy().model_copy(update={"roles": everybody})
    assert may(shop, "zoe", Action.REQUEST)
    assert not any(may(shop, person, Action.REQUEST) for person in (None, "", GUARD))
