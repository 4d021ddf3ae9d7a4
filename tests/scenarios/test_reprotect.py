"""Reprotect: what was lost comes back as what follows; debts are paid; at home the traffic is as the policy has it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.estate import Rig, build
from tests.support.moving import both_sign, move, moving_policy, open_move, placement, regions
from tests.support.operations import advance, now, open_promotion, promote
from tidegate.engine.runner import Halt, drive
from tidegate.errors import NotYet, Refused, Unreachable
from tidegate.journal.model import EventKind
from tidegate.model.operation import OperationKind, Outcome

AWAY, HOME, AGAIN = OperationKind.FAILOVER, OperationKind.SWITCHOVER, OperationKind.REPROTECT


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return build(tmp_path, moving_policy(synchronous="block"))


def test_on_a_service_that_is_well_it_only_records(rig: Rig) -> None:
    view = move(rig, AGAIN)
    assert view.outcome is Outcome.REPROTECTED
    assert {(e.family, e.verb) for e in rig.effects()} == {("database", "synchronise")}
    where = placement(rig)
    assert where is not None
    assert (where.primary, where.protected, where.away, where.synced) == ("east", True, False, "west")


def test_asynchronous_is_on_record_as_nothing(tmp_path: Path) -> None:
    rig = build(tmp_path, moving_policy())
    move(rig, AGAIN)
    where = placement(rig)
    assert where is not None
    assert (where.protected, where.synced) == (True, "")


def test_a_failover_withdraws_the_record(rig: Rig) -> None:
    move(rig, AGAIN)
    rig.database.crash("east")
    assert move(rig, AWAY).outcome is Outcome.FAILED_OVER
    where = placement(rig)
    assert where is not None
    assert (where.protected, where.synced) == (False, "")


def test_no_promotion_begins_before_it(rig: Rig) -> None:
    """At home, with both regions serving, and still nobody to take over."""
    from tidegate.model.placement import Placement

    with rig.world.journal.locked("shop") as txn:
        where = Placement("east", rig.world.policy.shares, protected=False, away=False, operation="shop-failover-1")
        txn.append(EventKind.PLACEMENT_RECORDED, where.to_json(), actor="test")
    with pytest.raises(Refused, match="no second database follows") as refused:
        open_promotion(rig, "1.1.0")
    assert "tidegate reprotect shop" in refused.value.next_step
    move(rig, AGAIN)
    assert promote(rig, "1.1.0").outcome is Outcome.PROMOTED


def test_it_waits_until_the_region_is_back(rig: Rig) -> None:
    rig.database.crash("east")
    rig.compute.faults.lost["east"] = Unreachable("east does not answer")
    move(rig, AWAY, ask=both_sign(rig.world))
    rig.users.rate = 0
    view = open_move(rig, AGAIN)
    came: list[float] = []

    def comes(_: float) -> None:
        if rig.clock.now() - view.opened_at > 20 and not came:
            rig.compute.faults.lost.clear()
            rig.database.comes_back("east")
            came.append(rig.clock.now())

    rig.clock.ticks.append(comes)
    assert drive(rig.world, view.id, actor="test").outcome is Outcome.REPROTECTED
    assert came


def test_without_a_writer_there_is_nothing_to_protect(rig: Rig) -> None:
    rig.database.crash("east")
    with pytest.raises(NotYet, match="no database takes writes") as refused:
        open_move(rig, AGAIN)
    assert "tidegate failover shop" in refused.value.next_step


def test_two_writers_stop_it(rig: Rig) -> None:
    view = open_move(rig, AGAIN)
    rig.database.servers["west"].primary = True
    assert drive(rig.world, view.id, actor="test").outcome is Outcome.REFUSED
    assert "SPLIT BRAIN" in now(rig, view).failures["admit.writer"]
    assert rig.effects() == []


def test_what_cannot_be_made_to_follow_stays_for_a_person(rig: Rig) -> None:
    rig.database.crash("east")
    move(rig, AWAY)
    rig.database.comes_back("east")
    view = open_move(rig, AGAIN)
    rig.database.faults.fail_at("reprotect", Refused("the disk is full"))
    with pytest.raises(Halt, match="the disk is full"):
        drive(rig.world, view.id, actor="test")
    assert drive(rig.world, view.id, actor="test").outcome is Outcome.REPROTECTED


def test_at_home_the_traffic_comes_back_by_steps(rig: Rig) -> None:
    """Lost away from home: the writer is at home again, and the region that comes back gets its part of the users."""
    move(rig, HOME, "west")
    rig.database.crash("west")
    assert move(rig, AWAY, ask=both_sign(rig.world)).outcome is Outcome.FAILED_OVER
    assert regions(rig) == {"east": 10_000, "west": 0}
    rig.database.comes_back("west")
    rig.effects_log().clear()
    view = advance(rig, open_move(rig, AGAIN), "shift.capacity-100")
    assert regions(rig) == {"east": 7500, "west": 2500}
    assert drive(rig.world, view.id, actor="test").outcome is Outcome.REPROTECTED
    assert regions(rig) == {"east": 5000, "west": 5000}
    where = placement(rig)
    assert where is not None
    assert (where.away, where.protected) == (False, True)


def test_debts_are_paid_once_and_the_rest_is_named(rig: Rig) -> None:
    lower = advance(rig, open_promotion(rig, "1.1.0"), "wave-1.shift-100")
    rig.database.crash("east")
    assert move(rig, AWAY, ask=both_sign(rig.world)).outcome is Outcome.FAILED_OVER
    assert rig.compute.observe(lower.binding.arm("east", "candidate")).instances
    rig.database.comes_back("east")
    view = move(rig, AGAIN)
    assert [debt["of"] for debt in view.facts["protect.debts"]["paid"]] == [lower.id]
    assert not rig.compute.observe(lower.binding.arm("east", "candidate")).instances
    again = move(rig, AGAIN)
    assert again.facts["protect.debts"]["paid"] == []
