"""Who carries an operation on, from what the journal has."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.estate import Rig, build
from tests.support.operations import advance, now, open_promotion, small_policy
from tidegate.engine import carriers, control, guarding
from tidegate.engine.execute import run_step
from tidegate.engine.open import Request, open_operation
from tidegate.engine.runner import drive
from tidegate.engine.view import OperationView, fold_operation, require
from tidegate.journal.model import EventKind
from tidegate.model.operation import OperationKind, OperationState
from tidegate.plan.model import ApprovalNode
from tidegate.plan.promotion import promotion_plan
from tidegate.policy.schema import Approval


def of_airflow(rig: Rig) -> str:
    request = Request(OperationKind.PROMOTION, "promote__shop/manual__1", "cat", "a test", "1.1.0")
    plan = promotion_plan(rig.world.policy, rig.world.policy_digest)
    return open_operation(rig.world, request, plan, actor="airflow promote__shop bind try 1").id


def asked(rig: Rig, operation: str, run_state: str | None = None) -> tuple[carriers.Carried, OperationView]:
    journal = rig.world.journal
    events = journal.events("shop", operation=operation)
    view = require(fold_operation(events), operation)
    return carriers.carried_on(view, events, journal.beats("shop"), rig.clock.now(), run_state=run_state), view


def test_whoever_wrote_last_is_on_the_way_for_a_minute(tmp_path: Path) -> None:
    rig = build(tmp_path)
    operation = of_airflow(rig)
    run_step(rig.world, operation, "admit.verify", actor="airflow promote__shop admit.verify try 1")
    carried, _ = asked(rig, operation)
    assert (carried.on, carried.node) == (True, "admit.verify")
    rig.clock.sleep(carriers.HOP + 1)
    carried, _ = asked(rig, operation)
    assert not carried.on
    assert "Nobody carries this operation on" in carried.words
    assert carried.next[0] == "clear the run manual__1 of promote__shop in Airflow"
    assert carried.next[1].startswith(f"tidegate break-glass shop {operation}")
    assert carried.next[2].startswith(f"tidegate abort shop {operation}")


def test_a_sign_of_life_counts_for_its_time_and_for_its_operation_only(tmp_path: Path) -> None:
    rig = build(tmp_path)
    operation = of_airflow(rig)
    rig.clock.sleep(carriers.HOP + 1)
    carriers.sign(rig.world, "another", who="somebody", node="wave-1.gate-5")
    assert not asked(rig, operation)[0].on
    carriers.sign(rig.world, operation, who="airflow gate", node="wave-1.gate-5")
    carried, _ = asked(rig, operation)
    assert (carried.on, carried.who, carried.node) == (True, "airflow gate", "wave-1.gate-5")
    rig.clock.sleep(carriers.WAIT_TTL + 1)
    assert not asked(rig, operation)[0].on


@pytest.mark.parametrize("state", ["success", "failed", "deleted"])
def test_a_run_that_is_over_carries_nothing_however_fresh_its_last_row(tmp_path: Path, state: str) -> None:
    rig = build(tmp_path)
    carried, _ = asked(rig, of_airflow(rig), state)
    assert not carried.on
    assert f"is {state}" in carried.words
    assert carried.next[0].startswith("trigger promote__shop again" if state == "deleted" else "clear the run")


def test_what_the_guard_or_a_person_writes_is_no_carrying_on(tmp_path: Path) -> None:
    rig = build(tmp_path)
    operation = open_promotion(rig, "1.1.0").id
    rig.clock.sleep(carriers.HOP + 1)
    control.pause(rig.world, operation, person="ann", reason="customers call", actor="ann")
    control.abort(rig.world, operation, person="ann", reason="customers call", actor="ann")
    carried, _ = asked(rig, operation)
    assert not carried.on
    assert not any("clear" in way for way in carried.next), "Airflow did not begin it"


def test_a_step_that_takes_its_time_is_carried_on(tmp_path: Path) -> None:
    """The sign of whoever works is left a moment before the row that says what they are at."""
    rig = build(tmp_path)
    operation = of_airflow(rig)
    who = "airflow promote__shop admit.verify try 1"
    carriers.sign(rig.world, operation, who=who, node="admit.verify", ttl=carriers.STEP_TTL)
    rig.clock.sleep(0.25)
    with rig.world.journal.locked("shop") as txn:
        body = {"node": "admit.verify", "verb": "verify_release", "args": {}, "attempt": 1}
        txn.append(EventKind.STEP_INTENDED, body, actor=who, operation=operation)
    rig.clock.sleep(carriers.HOP + 10)
    assert asked(rig, operation, "running")[0].on
    rig.clock.sleep(carriers.STEP_TTL)
    assert not asked(rig, operation, "running")[0].on


def test_break_glass_beside_a_run_that_is_over_carries_it_on(tmp_path: Path) -> None:
    rig = build(tmp_path)
    operation = of_airflow(rig)
    carriers.sign(rig.world, operation, who="ann (account root)", node="wave-1.gate-5")
    assert asked(rig, operation, "failed")[0].on
    rig.clock.sleep(carriers.WAIT_TTL + 1)
    assert not asked(rig, operation, "failed")[0].on


@pytest.mark.parametrize("waits_at", ["wave-1.gate-25", "approval", "hold", "guard"])
def test_whoever_waits_without_airflow_renews_the_sign(tmp_path: Path, waits_at: str) -> None:
    """For a minute, in each of the waits: never older than the time between two signs."""
    asked_people = Approval(before="25%", people=("bob",), quorum=1, within="60s")
    changes = {"approvals": (asked_people,)} if waits_at == "approval" else {"gate_within": 60.0}
    rig = build(tmp_path, small_policy(**changes))
    view = open_promotion(rig, "1.1.0")
    ages: dict[str, list[float]] = {}

    def look(_: float) -> None:
        beat = rig.world.journal.beats("shop").get(carriers.BEAT)
        if beat is not None and now(rig, view).outcome is None:
            ages.setdefault(str(beat.body["node"]), []).append(rig.clock.now() - beat.at)
        if now(rig, view).state is OperationState.STOPPING:
            rig.users.rate = 130.0  # they come back: without users no rung of the way back is judged

    node = waits_at
    if waits_at == "approval":
        node = next(n.id for _, n in view.plan.nodes() if isinstance(n, ApprovalNode))
    elif waits_at == "wave-1.gate-25":
        advance(rig, view, "wave-1.gate-25")
        rig.users.rate = 0.0
    else:
        node = "wave-1.shift-25"
        advance(rig, view, node)
    if waits_at == "hold":
        paused_at = rig.clock.now()
        by = {"person": "ann", "reason": "customers call", "actor": "ann"}
        control.pause(rig.world, view.id, **by)
        over: list[bool] = []

        def lift(_: float) -> None:
            if not over and rig.clock.now() - paused_at > 60:
                over.append(True)
                control.resume(rig.world, view.id, **by)

        rig.clock.ticks.append(lift)
    if waits_at == "guard":
        rig.guard_alive = False
        rig.clock.sleep(guarding.BEAT_TTL + 1)
    rig.clock.ticks.append(look)
    drive(rig.world, view.id, actor="ann")
    assert len(ages[node]) > 50 * 4, "it was waited for"
    assert max(ages[node]) <= carriers.SIGN_EVERY + 1.0
