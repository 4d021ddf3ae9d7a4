"""Switchover: there and back without losing anything; refused, or turned back, where it would."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.estate import Rig, build
from tests.support.moving import Writers, move, moving_policy, open_move, placement, regions, writing
from tests.support.operations import advance, now, open_promotion, open_rollback, promote, settle, weights
from tidegate.engine.execute import run_step
from tidegate.engine.runner import Halt, drive
from tidegate.engine.section import run_section
from tidegate.errors import GivesWay, NotYet, Refused
from tidegate.journal.model import EventKind
from tidegate.model.operation import OperationKind, OperationState, Outcome

THERE = OperationKind.SWITCHOVER


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return build(tmp_path, moving_policy())


@pytest.fixture
def clients(rig: Rig) -> Writers:
    return writing(rig)


def test_there_and_back(rig: Rig, clients: Writers) -> None:
    gone = move(rig, THERE, "west")
    assert gone.outcome is Outcome.SWITCHED_OVER
    assert rig.database.writers() == ("west",)
    assert regions(rig) == {"east": 0, "west": 10_000}
    where = placement(rig)
    assert where is not None
    assert (where.primary, where.protected, where.away) == ("west", True, True)
    assert rig.database.observe()["east"].streaming
    rig.clock.sleep(3)
    back = move(rig, THERE, "east")
    assert back.outcome is Outcome.SWITCHED_OVER
    assert (rig.database.writers(), regions(rig)) == (("east",), {"east": 5000, "west": 5000})
    where = placement(rig)
    assert where is not None
    assert (where.primary, where.protected, where.away) == ("east", True, False)
    assert clients.most == 1, "one writer at every instant"
    assert clients.lost("east") == [], "nothing that was acknowledged is lost"
    assert len(clients.acknowledged["west"]) > 5
    assert rig.world.journal.verify("shop") == []


def test_the_same_plan_leads_there_and_back(rig: Rig) -> None:
    plans = {move(rig, THERE, target).plan_digest for target in ("west", "east")}
    assert len(plans) == 1


def test_a_target_that_carries_all_is_made_stronger_first(rig: Rig) -> None:
    view = advance(rig, open_move(rig, THERE, "west"), "shift.capacity-50")
    assert len(rig.compute.observe(view.binding.arm("target", "stable")).instances) == 3
    drive(rig.world, view.id, actor="test")
    move(rig, THERE, "east")
    counts = {arm.name: len(rig.compute.observe(arm).instances) for arm in rig.arms() if arm.slot == "a"}
    assert counts == {"east-a": 2, "west-a": 2}, "home, each has what it needs for its part"


def test_the_wrong_target_is_refused_with_the_right_one(rig: Rig) -> None:
    for target, hint in (("east", "--to west"), ("wset", "did you mean 'west'"), (None, "--to west")):
        with pytest.raises(Refused) as refused:
            open_move(rig, THERE, target)
        assert hint in refused.value.next_step
    assert rig.world.journal.head("shop").lease is None, "nothing was opened"
    assert rig.effects() == []


def test_a_service_without_the_section_stays_where_it_is(tmp_path: Path) -> None:
    rig = build(tmp_path, moving_policy())
    alone = build(tmp_path / "alone", rig.world.policy.model_copy(update={"failover": None}))
    plan_of = rig.world
    view = open_move(rig, THERE, "west")
    from tidegate.engine.open import Request, open_operation

    with pytest.raises(Refused, match="has no failover"):
        open_operation(alone.world, Request(THERE, "x", "cat", "a test", "west"), view.plan, actor="test")
    assert plan_of.service == "shop"


def test_it_waits_for_a_standby_that_is_behind_and_gives_up_untouched(rig: Rig) -> None:
    rig.database.set("west", "standby", lag_bytes=17_000_000)
    view = move(rig, THERE, "west")
    assert view.outcome is Outcome.REFUSED
    assert "17000000 bytes behind (16000000 allowed)" in view.why_back
    assert rig.effects() == []


def test_a_standby_that_does_not_get_everything_turns_it_back(rig: Rig) -> None:
    """The gate lets a little lag pass; at the cutover the standby has to have all, or nothing is stopped."""
    view = advance(rig, open_move(rig, THERE, "west"), "cutover.quiesce")
    assert regions(rig) == {"east": 0, "west": 10_000}
    rig.database.hold("west")
    rig.database.write("east", "the last order")
    ended = drive(rig.world, view.id, actor="test")
    assert ended.outcome is Outcome.TURNED_BACK
    assert "west has not got everything" in ended.why_back
    assert rig.database.writers() == ("east",), "writes go on where they were"
    assert regions(rig) == {"east": 5000, "west": 5000}
    assert ("database", "fence") not in {(e.family, e.verb) for e in rig.effects()}
    assert rig.world.journal.head("shop").lease is None


def test_the_fence_is_not_set_before_the_standby_has_everything(rig: Rig) -> None:
    view = advance(rig, open_move(rig, THERE, "west"), "cutover.fence")
    rig.database.servers["east"].rows.append("slipped through")
    with pytest.raises(Refused, match="nothing is stopped before it has all"):
        run_step(rig.world, view.id, "cutover.fence", actor="test")
    assert rig.database.servers["east"].running


def test_without_the_fence_nothing_is_promoted(rig: Rig) -> None:
    """The proof is looked at again: what was fenced a moment ago may have come back since."""
    view = advance(rig, open_move(rig, THERE, "west"), "cutover.promote")
    rig.database.comes_back("east")
    with pytest.raises(Refused, match="nothing proves that east takes no writes"):
        run_step(rig.world, view.id, "cutover.promote", actor="test")
    rig.database.comes_back("east", as_writer=True)
    with pytest.raises(Refused, match="two writers are never made"):
        run_step(rig.world, view.id, "cutover.promote", actor="test")
    assert rig.database.writers() == ("east",)


def test_behind_the_fence_the_way_is_forward(rig: Rig) -> None:
    from tidegate.engine.control import abort

    view = advance(rig, open_move(rig, THERE, "west"), "cutover.promote")
    assert now(rig, view).committed
    with pytest.raises(Refused, match="the shortest way"):
        abort(rig.world, view.id, person="cat", reason="no", actor="cat")
    rig.database.faults.fail_at("promote_database", Refused("not now"))
    with pytest.raises(Halt, match=r"cutover\.promote"):
        drive(rig.world, view.id, actor="test")
    assert now(rig, view).state is OperationState.RUNNING, "it is not turned back"
    assert drive(rig.world, view.id, actor="test").outcome is Outcome.SWITCHED_OVER


def test_an_abort_before_the_cutover_brings_the_traffic_back(rig: Rig) -> None:
    from tidegate.engine.control import abort

    view = advance(rig, open_move(rig, THERE, "west"), "cutover.quiesce")
    abort(rig.world, view.id, person="cat", reason="not today", actor="cat")
    ended = drive(rig.world, view.id, actor="test")
    assert (ended.outcome, regions(rig)) == (Outcome.TURNED_BACK, {"east": 5000, "west": 5000})
    assert rig.database.writers() == ("east",)


def test_a_target_whose_users_fail_gives_the_traffic_back(rig: Rig) -> None:
    view = advance(rig, open_move(rig, THERE, "west"), "shift.move-50")
    rig.users.dark.add("west")
    ended = drive(rig.world, view.id, actor="test")
    assert ended.outcome is Outcome.TURNED_BACK
    assert "shift.health-50" in ended.why_back
    assert regions(rig) == {"east": 5000, "west": 5000}


def test_no_more_is_moved_than_the_target_carries(tmp_path: Path) -> None:
    rig = build(tmp_path, moving_policy(instances=2))
    rig.clock.sleep(20)
    ended = move(rig, THERE, "west")  # 130/s, and two instances carry 120/s
    assert ended.outcome is Outcome.TURNED_BACK
    assert "shift.capacity-100" in ended.why_back
    assert max(e.detail["split"].count("west-a=10000") for e in rig.effects() if e.family == "traffic") == 0


def test_the_section_runs_in_one_go(rig: Rig) -> None:
    view = advance(rig, open_move(rig, THERE, "west"), "cutover.quiesce")
    reports = run_section(rig.world, view.id, "cutover.quiesce", actor="one task")
    assert [report.node for report in reports] == ["cutover.quiesce", "cutover.fence", "cutover.promote"]
    assert rig.database.writers() == ("west",)
    again = run_section(rig.world, view.id, "cutover.quiesce", actor="the same task, tried again")
    assert {report.outcome for report in again} == {"already_verified"}
    first = run_section(rig.world, view.id, "admit.target", actor="test")
    assert [report.node for report in first] == ["admit.target"], "a step of no section is alone"


def test_no_promotion_begins_while_a_region_has_no_share(rig: Rig) -> None:
    move(rig, THERE, "west")
    with pytest.raises(Refused, match="east has no share") as refused:
        open_promotion(rig, "1.1.0")
    assert "tidegate switchover shop --to east" in refused.value.next_step
    move(rig, THERE, "east")
    assert promote(rig, "1.1.0").outcome is Outcome.PROMOTED


def test_a_rollback_leaves_the_traffic_where_it_is(rig: Rig) -> None:
    promote(rig, "1.1.0")
    move(rig, THERE, "west")
    rig.effects_log().clear()
    view = drive(rig.world, open_rollback(rig, "1.0.0").id, actor="test")
    assert view.outcome is Outcome.ROLLED_BACK
    assert weights(rig) == {"west-a": 10_000}
    assert all("east-a=0" in e.detail["split"] for e in rig.effects() if e.family == "traffic"), "not for a moment"


def test_a_promotion_gives_way(rig: Rig) -> None:
    lower = advance(rig, open_promotion(rig, "1.1.0"), "wave-1.shift-100")
    with pytest.raises(GivesWay):
        open_move(rig, THERE, "west", "one request")
    assert drive(rig.world, lower.id, actor="its run").outcome is Outcome.ROLLED_BACK
    view = open_move(rig, THERE, "west", "one request")
    assert drive(rig.world, view.id, actor="test").outcome is Outcome.SWITCHED_OVER


def test_a_foreign_hand_on_the_router_is_not_overwritten(rig: Rig) -> None:
    from tidegate.model.topology import Slot
    from tidegate.model.traffic import canary_split

    view = advance(rig, open_move(rig, THERE, "west"), "shift.move-50")
    rig.traffic.force(canary_split({"east": 9000, "west": 1000}, Slot.A, {}), epoch=1)
    with pytest.raises(Refused, match="changed by someone else"):
        settle(rig, view, view.plan.node("shift.move-50")[1])


def test_the_record_says_where_the_service_is(rig: Rig) -> None:
    view = move(rig, THERE, "west")
    (row,) = rig.world.journal.events("shop", kinds={EventKind.PLACEMENT_RECORDED})
    assert row.operation == view.id
    assert row.body["shares"] == {"east": 0, "west": 10_000}


def test_two_writers_are_never_recorded_as_one(rig: Rig) -> None:
    view = advance(rig, open_move(rig, THERE, "west"), "conclude.place")
    rig.database.comes_back("east", as_writer=True)
    with pytest.raises(NotYet, match="east and west takes writes"):
        run_step(rig.world, view.id, "conclude.place", actor="test")
