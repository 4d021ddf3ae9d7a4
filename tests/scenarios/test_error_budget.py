"""The error budget: counted by the guard whatever happens, spent by failures, honest about what nobody saw."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.estate import Rig, build
from tests.support.operations import open_promotion, promote, roll_back, small_policy
from tidegate.engine.budget import DAY, ROWS, Budget, budget_of, day_of
from tidegate.engine.open import Request, open_operation
from tidegate.errors import Refused
from tidegate.model.exemption import Exemption
from tidegate.model.operation import OperationKind, Outcome
from tidegate.plan.promotion import promotion_plan


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    policy = small_policy()
    objectives = policy.objectives.model_copy(update={"window": 28.0 * DAY})
    return build(tmp_path, policy.model_copy(update={"objectives": objectives}))


def budget(rig: Rig) -> Budget:
    found = budget_of(rig.world.journal, "shop", rig.world.policy.objectives, rig.clock.now())
    assert found is not None
    return found


def past(rig: Rig, days_ago: int, requests: int, failed: int) -> None:
    """A day as a guard had counted it, all in one hour."""
    at = rig.clock.now() - days_ago * DAY
    document = {"version": 1, "until": at, "hours": {str(int(at // 3600)): [requests, failed, 3600.0]}}
    rig.world.journal.put_evidence("shop", ROWS, day_of(at), document)


def test_the_guard_counts_every_request_once_though_it_is_replaced(rig: Rig) -> None:
    rig.clock.sleep(30)
    rig.replace_guard()
    rig.clock.sleep(30.5)
    found = budget(rig)
    assert found.requests == pytest.approx(60 * rig.users.rate, rel=0.05)
    assert found.seen == pytest.approx(60, abs=3)
    assert "of 28 days the guard has seen 0.0" in str(found)


def test_time_in_which_nobody_looked_is_a_gap(rig: Rig) -> None:
    rig.clock.sleep(20)
    rig.guard_alive = False
    rig.clock.sleep(40)
    rig.guard_alive = True
    rig.clock.sleep(20.5)
    assert budget(rig).seen == pytest.approx(40, abs=3)


def test_midnight_takes_nothing_away(rig: Rig) -> None:
    """The clock begins at 08:00 UTC. A guard that begins after midnight meets requests of before it."""
    past(rig, 0, 1000, 1)
    rig.clock.at += 16 * 3600 - 5  # five seconds before midnight
    rig.replace_guard()
    rig.clock.sleep(8)
    rig.replace_guard()
    rig.clock.sleep(12)
    assert budget(rig).requests > 1000


def test_a_spent_budget_lets_no_promotion_begin(rig: Rig) -> None:
    past(rig, 3, 100_000, 150)
    with pytest.raises(Refused, match=r"the error budget of shop is 1\d\d% spent: 15\d of 10\d+ requests failed"):
        open_promotion(rig, "1.1.0")


def test_a_typed_exemption_sets_it_aside_and_a_rollback_needs_none(rig: Rig) -> None:
    promote(rig, "1.1.0")
    past(rig, 3, 100_000, 150)
    assert roll_back(rig, "1.0.0").outcome is Outcome.ROLLED_BACK
    request = Request(OperationKind.PROMOTION, "r", "cat", "it fails less", "1.2.0", exempt=Exemption.HOTFIX)
    plan = promotion_plan(rig.world.policy, rig.world.policy_digest)
    assert open_operation(rig.world, request, plan, actor="test").overridden == {"error budget"}


def test_what_lies_before_the_window_is_forgotten(rig: Rig) -> None:
    past(rig, 29, 100_000, 150)
    past(rig, 3, 100_000, 50)
    assert not budget(rig).spent
    assert budget(rig).failed < 60


def test_of_too_few_requests_no_budget_is_spoken(rig: Rig) -> None:
    few = Budget(28.0 * DAY, 0.999, 500, 5, 60.0)
    assert not few.spent
    assert "too little was seen" in str(few)


def test_a_replaced_guard_counts_nothing_twice(rig: Rig) -> None:
    """The new one is given what the old one had read as well."""
    from tidegate.guard.ledger import Ledger

    rig.clock.sleep(20)
    before = budget(rig).requests
    batch = rig.metrics.follow("0")
    assert batch.observations
    Ledger(rig.world).note(batch.observations, rig.clock.now() + 60)
    assert budget(rig).requests - before < rig.users.rate * 12, "what came since the last save, and no more"
