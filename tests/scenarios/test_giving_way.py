"""Rank: a rollback takes the service over from a promotion, which goes back first; what does not give way is named."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from tests.support.estate import Rig, build
from tests.support.operations import (
    advance,
    now,
    open_promotion,
    open_rollback,
    promote,
    roll_back,
    small_policy,
    weights,
)
from tidegate.engine import braking, control, making_room
from tidegate.engine.execute import run_step
from tidegate.engine.open import Request
from tidegate.engine.precedence import make_way, would_give_way
from tidegate.engine.runner import drive
from tidegate.engine.takeover import take_over
from tidegate.engine.view import STOP_LOSS_NODE, OperationView
from tidegate.errors import GivesWay, LeaseLost, Refused
from tidegate.journal.model import EventKind
from tidegate.model.operation import OperationKind, OperationState, Outcome, operation_id
from tidegate.remote.ending import Ending, Sight, ended
from tidegate.report.document import operation_document

SAFE = {"east-a": 5000, "west-a": 5000}


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return build(tmp_path, small_policy())


def half_way(rig: Rig, version: str = "1.1.0") -> OperationView:
    return advance(rig, open_promotion(rig, version), "wave-1.shift-100")


def ask(rig: Rig, target: str | None = None) -> GivesWay:
    with pytest.raises(GivesWay) as way:
        open_rollback(rig, target)
    return way.value


def test_the_ranks() -> None:
    kinds = ("failover", "rollback", "switchover", "promotion", "drill")
    ranks = [OperationKind(kind).rank for kind in kinds]
    assert ranks == sorted(ranks, reverse=True)
    assert len(set(ranks)) == len(ranks)


def test_a_promotion_goes_back_before_the_rollback_begins(rig: Rig) -> None:
    view = half_way(rig)
    way = ask(rig)
    wanted = operation_id("shop", OperationKind.ROLLBACK, "rollback None")
    assert way.operation == view.id
    assert now(rig, view).state is OperationState.STOPPING
    assert rig.world.journal.events("shop", operation=wanted) == [], "nothing of it is open yet"
    lease = rig.world.journal.head("shop").lease
    assert lease is not None
    assert lease.operation == view.id, "the lower one holds the service until its way back is over"
    (row,) = rig.world.journal.events("shop", operation=view.id, kinds={EventKind.TURNED_BACK})
    assert (row.body["person"], row.body["gives_way_to"]) == ("cat", wanted)
    with pytest.raises(LeaseLost, match="gives way to"):
        run_step(rig.world, view.id, "wave-1.shift-100", actor="test")


def test_the_guard_makes_traffic_safe_and_the_wish_is_come_true(rig: Rig) -> None:
    view = half_way(rig)
    ask(rig)
    rig.clock.sleep(5)
    assert now(rig, view).verified(STOP_LOSS_NODE)
    assert weights(rig) == SAFE
    assert drive(rig.world, view.id, actor="its own run").outcome is Outcome.ROLLED_BACK
    rig.effects_log().clear()
    rollback = open_rollback(rig)
    assert rollback.binding.stable.version == "1.0.0", "the one before 1.1.0, which was never certified"
    assert rollback.binding.settled_by == view.id
    ended = drive(rig.world, rollback.id, actor="test")
    assert (ended.outcome, ended.touched) == (Outcome.ROLLED_BACK, False)
    assert rig.effects() == [], "nothing was left to do"


def test_the_baseline_before_is_the_one_that_the_promotion_was_to_replace(rig: Rig) -> None:
    """1.0.0, 1.1.0 are baselines, 1.2.0 is on its way in: "roll back" means 1.1.0, not 1.0.0."""
    promote(rig, "1.1.0")
    view = half_way(rig, "1.2.0")
    ask(rig)
    drive(rig.world, view.id, actor="test")
    assert open_rollback(rig).binding.stable.version == "1.1.0"


def test_a_target_further_back_is_gone_to_after_the_way_back(rig: Rig) -> None:
    promote(rig, "1.1.0")
    view = half_way(rig, "1.2.0")
    ask(rig, "1.0.0")
    drive(rig.world, view.id, actor="test")
    rollback = open_rollback(rig, "1.0.0")
    assert rollback.binding.settled_by == ""
    assert drive(rig.world, rollback.id, actor="test").outcome is Outcome.ROLLED_BACK
    assert rig.compute.observe(rig.arms()[0]).version == "1.0.0"
    assert weights(rig) == SAFE


def test_nothing_lower_slips_in_before_the_one_that_is_awaited(rig: Rig) -> None:
    view = half_way(rig)
    ask(rig)
    assert drive(rig.world, view.id, actor="test").outcome is Outcome.ROLLED_BACK
    with pytest.raises(Refused, match=r"is awaited by shop-rollback-\w+ \(rollback\)"):
        open_promotion(rig, "1.2.0")
    assert drive(rig.world, open_rollback(rig).id, actor="test").outcome is Outcome.ROLLED_BACK
    assert open_promotion(rig, "1.2.0").state is OperationState.RUNNING


def test_what_never_comes_is_not_awaited_for_ever(rig: Rig) -> None:
    view = half_way(rig)
    ask(rig)
    drive(rig.world, view.id, actor="test")
    rig.clock.sleep(125)
    assert open_promotion(rig, "1.2.0").state is OperationState.RUNNING


def test_the_page_says_that_it_made_room(rig: Rig) -> None:
    view = half_way(rig)
    ask(rig)
    drive(rig.world, view.id, actor="test")
    told = operation_document(rig.world.journal, "shop", view.id, rig.clock.now())
    assert told["headline"]["title"] == "1.1.0 made room and was taken back"
    assert ended(OperationKind.PROMOTION, Sight("failed", {}, told)) is Ending.TURNED_BACK


def test_a_certified_promotion_ends_what_it_has_begun_and_is_rolled_back_then(rig: Rig) -> None:
    view = advance(rig, open_promotion(rig, "1.1.0"), "certify.relax-1")
    assert "certified" in str(ask(rig))
    assert now(rig, view).state is OperationState.RUNNING
    assert drive(rig.world, view.id, actor="test").outcome is Outcome.PROMOTED
    assert roll_back(rig).outcome is Outcome.ROLLED_BACK
    assert weights(rig) == SAFE


def test_asked_again_it_turns_the_promotion_back_once(rig: Rig) -> None:
    view = half_way(rig)
    epochs = []
    for _ in range(3):
        ask(rig)
        epochs.append(rig.world.journal.head("shop").epoch)
    assert len(set(epochs)) == 1
    assert len(rig.world.journal.events("shop", operation=view.id, kinds={EventKind.TURNED_BACK})) == 1


def test_one_that_is_on_its_way_back_already_is_waited_for(rig: Rig) -> None:
    view = half_way(rig)
    control.abort(rig.world, view.id, person="cat", reason="wrong build", actor="test")
    ask(rig)
    drive(rig.world, view.id, actor="test")
    assert open_rollback(rig).binding.settled_by == view.id


def test_a_pause_does_not_hold_up_what_outranks_it(rig: Rig) -> None:
    view = half_way(rig)
    control.pause(rig.world, view.id, person="cat", reason="looking", actor="test")
    ask(rig)
    assert now(rig, view).held is None
    assert drive(rig.world, view.id, actor="test").outcome is Outcome.ROLLED_BACK


def test_a_wish_that_cannot_be_granted_turns_nothing_back(rig: Rig) -> None:
    view = half_way(rig)
    with pytest.raises(Refused, match=r"9\.9\.9 is no certified baseline"):
        open_rollback(rig, "9.9.9")
    braking.veto(rig.world, rig.releases["1.0.0"].digest, "1.0.0", person="ann", reason="a hole", actor="test")
    with pytest.raises(Refused, match=r"baseline 1\.0\.0 is vetoed"):
        open_rollback(rig, "1.0.0")
    assert now(rig, view).state is OperationState.RUNNING


@pytest.mark.parametrize("second", ["promotion", "rollback"])
def test_nothing_takes_the_service_from_a_rollback(rig: Rig, second: str) -> None:
    promote(rig, "1.1.0")
    view = open_rollback(rig, "1.0.0")
    with pytest.raises(Refused, match=f"is held by {view.id}") as refused:
        open_promotion(rig, "1.2.0") if second == "promotion" else open_rollback(rig)
    assert not isinstance(refused.value, GivesWay)
    assert now(rig, view).state is OperationState.RUNNING


def test_a_rollback_gives_way_to_a_failover_alone_and_at_once(rig: Rig) -> None:
    """Its way back is not waited for: see test_failover.py."""
    promote(rig, "1.1.0")
    view = open_rollback(rig, "1.0.0")
    request = Request(OperationKind.SWITCHOVER, "s-1", "cat", "a test")
    with rig.world.journal.locked("shop") as txn, pytest.raises(Refused, match=f"is held by {view.id}"):
        make_way(txn, request, "shop-switchover-1", "test")
    with rig.world.journal.locked("shop") as txn:
        assert make_way(txn, Request(OperationKind.FAILOVER, "f-1", "cat", "gone"), "shop-failover-1", "test") is None
        assert txn.head.lease is None
    assert now(rig, view).outcome is Outcome.SUPERSEDED


def test_what_cannot_be_ended_in_the_middle_does_not_give_way(rig: Rig) -> None:
    promotion = open_promotion(rig, "1.1.0")
    assert would_give_way(promotion, OperationKind.ROLLBACK)
    halfway_between_regions = dataclasses.replace(promotion, kind=OperationKind.SWITCHOVER)
    assert OperationKind.ROLLBACK.rank > OperationKind.SWITCHOVER.rank
    assert not would_give_way(halfway_between_regions, OperationKind.ROLLBACK)


def test_what_nobody_carries_is_carried_by_the_one_that_waits(rig: Rig) -> None:
    view = half_way(rig)
    ask(rig)
    assert making_room.stranded(rig.world, view.id) == "", "its own run may be on the way to it"
    rig.clock.sleep(90)
    assert "Nobody carries this operation on" in making_room.stranded(rig.world, view.id)
    ended = making_room.carry_to_its_end(rig.world, view.id, taker="the rollback", person="cat", actor="airflow bind")
    assert ended.outcome is Outcome.ROLLED_BACK
    (taken, *_) = rig.world.journal.events("shop", operation=view.id, kinds={EventKind.LEASE_TAKEN})
    assert (taken.body["person"], taken.actor) == ("cat", "airflow bind")


def test_after_break_glass_the_person_carries_it_back(rig: Rig) -> None:
    view = half_way(rig)
    take_over(rig.world, view.id, person="ann", reason="Airflow is gone", actor="ann")
    ask(rig)
    assert drive(rig.world, view.id, actor="ann").outcome is Outcome.ROLLED_BACK
