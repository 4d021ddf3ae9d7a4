"""From the first failing probe to the failover: what the guard does by itself, and what it leaves to people."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from tests.support.estate import Rig, build
from tests.support.losing import Eyed
from tests.support.moving import both_sign, move, moving_policy, open_move, placement, regions, writing
from tests.support.operations import open_promotion
from tidegate.engine import region_loss
from tidegate.engine.permission import GUARD
from tidegate.engine.region_loss import BACK, LOST, UNANSWERED
from tidegate.engine.runner import drive
from tidegate.engine.view import OperationView, fold_operation
from tidegate.errors import Refused
from tidegate.journal.model import EventKind
from tidegate.judge.regions import COMPUTE, REGION, Loss
from tidegate.model.operation import OperationKind, OperationState, Outcome
from tidegate.plan.names import APPROVE_LOSS


def eyed(tmp_path: Path, then: str = "act", synchronous: str = "block", **decide: Any) -> Eyed:
    policy = moving_policy(synchronous=synchronous, decide={"then": then, **decide})
    rig = build(tmp_path, policy)
    rig.users.rate = 12.0  # whom nobody judges here
    if synchronous != "off":
        assert move(rig, OperationKind.REPROTECT).outcome is Outcome.REPROTECTED
    return Eyed(rig)


def view_of(rig: Rig, operation: str) -> OperationView:
    view = fold_operation(rig.world.journal.events("shop", operation=operation))
    assert view is not None
    return view


def test_the_guard_fails_over_by_itself_and_whoever_comes_behind_carries_the_same_operation_on(tmp_path: Path) -> None:
    it = eyed(tmp_path)
    clients = writing(it.rig)
    it.rig.clock.sleep(5)
    began = it.rig.clock.now()
    it.lose("east")
    while not it.waiting:
        it.rig.clock.sleep(0.25)
        assert it.rig.clock.now() - began < 5
    assert it.rig.clock.now() - began <= 1.25, "three looks at four a second"
    assert it.act() == 1
    (operation,) = it.failovers()
    view = view_of(it.rig, operation)
    assert (view.requester, view.state) == (GUARD, OperationState.RUNNING)
    assert "seen by guard, two, 3 times in a row" in view.reason
    assert view.verified("cutover.promote") and view.verified("cutover.shift")
    assert it.rig.database.writers() == ("west",)
    it.rig.clock.sleep(3)
    assert (it.act(), it.failovers()) == (0, [operation]), "once, however long it stays dark"
    told = drive(it.rig.world, operation, actor="airflow", ask=both_sign(it.rig.world))
    assert (told.outcome, regions(it.rig)) == (Outcome.FAILED_OVER, {"east": 0, "west": 10_000})
    assert clients.most == 1 and clients.lost("west") == []


def test_a_second_guard_begins_nothing_of_its_own(tmp_path: Path) -> None:
    it = eyed(tmp_path)
    it.lose("east")
    it.rig.clock.sleep(2)
    it.new_guard()
    it.rig.clock.sleep(1)
    assert len(it.waiting) == 2, "it does not know what the first one does"
    it.act()
    assert len(it.failovers()) == 1, "and it is the same operation"


def test_a_partition_between_the_regions_promotes_nothing(tmp_path: Path) -> None:
    it = eyed(tmp_path)
    clients = writing(it.rig)
    it.rig.database.part()
    it.rig.clock.sleep(60)
    assert (it.waiting, it.notes(LOST), it.failovers()) == ([], [], [])
    it.rig.database.part(False)
    it.rig.clock.sleep(5)
    assert it.rig.database.writers() == ("east",)
    assert clients.most == 1
    assert it.rig.database.observe()["west"].lag_bytes == 0, "replication catches up"


def test_one_point_alone_decides_nothing(tmp_path: Path) -> None:
    it = eyed(tmp_path)
    it.rig.clock.sleep(1)
    it.blind = True
    it.rig.clock.sleep(3)
    it.lose("east")
    it.rig.clock.sleep(30)
    assert (it.waiting, it.notes(LOST)) == ([], [])
    words = it.rig.world.journal.beats("shop")["vantage:guard"].body["ruling"]
    assert "two has not looked" in words and "guard only" in words


def test_page_changes_nothing_and_says_the_command(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    it = eyed(tmp_path, "page")
    it.lose("east")
    with caplog.at_level(logging.CRITICAL):
        it.rig.clock.sleep(60)
    assert (it.waiting, it.failovers()) == ([], [])
    assert len(it.notes(LOST)) == len(it.notes(UNANSWERED)) == 1, "once"
    (words,) = it.notes(UNANSWERED)
    assert "Nothing was changed" in words
    assert 'tidegate failover shop --reason "east is lost" --wait' in words
    assert "--without-airflow --by <name>" in words
    assert words in caplog.text


def test_approve_begins_nothing_by_itself_and_pages_if_nobody_begins(tmp_path: Path) -> None:
    it = eyed(tmp_path, "approve")
    it.lose("east")
    it.rig.clock.sleep(20)
    assert (it.waiting, it.notes(UNANSWERED), len(it.notes(LOST))) == ([], [], 1)
    it.rig.clock.sleep(15)
    assert len(it.notes(UNANSWERED)) == 1
    assert it.failovers() == []


def test_where_the_policy_says_approve_people_are_asked_although_nothing_is_lost(tmp_path: Path) -> None:
    it = eyed(tmp_path, "approve")
    it.lose("east")
    it.rig.clock.sleep(3)
    told = region_loss.episode(it.rig.world.journal, "shop")
    assert told is not None
    region_loss.carry_out(it.rig.world, told, "airflow")
    view = view_of(it.rig, told.operation)
    assert view.verified("declare.fence") and not view.verified("cutover.promote")
    done = drive(it.rig.world, view.id, actor="airflow", ask=both_sign(it.rig.world))
    assert done.outcome is Outcome.FAILED_OVER
    assert list(done.requested) == [APPROVE_LOSS]


def test_what_is_not_proved_to_lose_nothing_waits_for_people(tmp_path: Path) -> None:
    it = eyed(tmp_path, synchronous="off")
    writing(it.rig)
    it.rig.clock.sleep(2)
    it.lose("east")
    it.rig.clock.sleep(2)
    assert it.act() == 1
    (operation,) = it.failovers()
    view = view_of(it.rig, operation)
    assert view.verified("declare.fence")
    assert it.rig.database.writers() == (), "fenced, and nothing promoted without a signature"
    done = drive(it.rig.world, operation, actor="airflow", ask=both_sign(it.rig.world))
    assert (list(done.requested), it.rig.database.writers()) == ([APPROVE_LOSS], ("west",))


def test_a_region_that_nobody_reaches_is_not_failed_out_of_without_people(tmp_path: Path) -> None:
    it = eyed(tmp_path)
    it.cut("east")
    it.rig.clock.sleep(2)
    it.act()
    view = view_of(it.rig, it.failovers()[0])
    assert view.facts["declare.fence"]["fenced"] is False
    assert not view.verified("cutover.promote")
    assert it.rig.database.writable() == ("east",), "it lives, so nobody else was promoted"


def test_two_automatic_failovers_within_an_hour_need_a_person(tmp_path: Path) -> None:
    it = eyed(tmp_path)
    it.lose("east")
    it.rig.clock.sleep(2)
    it.act()
    drive(it.rig.world, it.failovers()[0], actor="airflow")
    it.found("east")
    assert move(it.rig, OperationKind.REPROTECT).outcome is Outcome.REPROTECTED
    it.lose("west")
    it.rig.clock.sleep(5)
    assert it.waiting == []
    (words,) = it.notes(UNANSWERED)
    assert "a second time within an hour takes a person" in words and "tidegate failover shop" in words
    assert len(it.failovers()) == 1


def test_what_holds_the_guard_back_makes_a_page_of_an_act() -> None:
    loss = Loss("east", REGION, True, ("guard", "two"), 0.0, "east is lost")
    assert region_loss.what_then("act", loss, "it did so of late") == ("page", "it did so of late")
    assert region_loss.what_then("act", loss, "") == ("act", "")
    assert region_loss.what_then("approve", loss, "it did so of late") == ("approve", ""), "people say yes to it"


def test_only_a_primary_s_database_is_failed_out_of() -> None:
    compute = Loss("east", COMPUTE, True, (), 0.0, "")
    standby = Loss("west", REGION, False, (), 0.0, "")
    assert region_loss.what_then("act", compute, "")[0] == "page"
    assert region_loss.what_then("act", standby, "")[0] == "page"


def test_the_standby_s_region_is_told_once_and_nothing_moves(tmp_path: Path) -> None:
    it = eyed(tmp_path, synchronous="off")
    it.lose("west")
    it.rig.clock.sleep(10)
    assert (it.waiting, it.failovers()) == ([], [])
    (words,) = it.notes(UNANSWERED)
    assert "writes do not go to west" in words and "tidegate failover" not in words


def test_a_region_that_comes_back_ends_the_episode(tmp_path: Path) -> None:
    it = eyed(tmp_path, "page")
    it.lose("east")
    it.rig.clock.sleep(3)
    it.found("east", as_writer=True)
    it.rig.clock.sleep(4)
    assert it.notes(BACK) == []
    it.rig.clock.sleep(4)
    assert len(it.notes(BACK)) == 1
    assert region_loss.episode(it.rig.world.journal, "shop") is None
    it.lose("east")
    it.rig.clock.sleep(3)
    assert len(it.notes(LOST)) == 2, "another loss is another one"


def test_points_that_went_blind_do_not_end_it(tmp_path: Path) -> None:
    it = eyed(tmp_path, "page")
    it.lose("east")
    it.rig.clock.sleep(3)
    it.blind = True
    it.rig.clock.sleep(30)
    assert it.notes(BACK) == []


def test_a_promotion_gives_way_at_once(tmp_path: Path) -> None:
    it = eyed(tmp_path)
    promotion = open_promotion(it.rig, "1.1.0")
    it.lose("east")
    it.rig.clock.sleep(2)
    it.act()
    assert view_of(it.rig, promotion.id).outcome is Outcome.SUPERSEDED
    assert it.rig.database.writers() == ("west",)


def test_while_an_operation_moves_the_service_nothing_is_ruled(tmp_path: Path) -> None:
    it = eyed(tmp_path)
    done = move(it.rig, OperationKind.SWITCHOVER, "west")
    assert done.outcome is Outcome.SWITCHED_OVER
    assert (it.waiting, it.notes(LOST)) == ([], []), "the old primary was stopped on purpose"
    where = placement(it.rig)
    assert where is not None and where.primary == "west"


def test_a_loss_that_is_seen_as_a_move_begins_is_not_declared(tmp_path: Path) -> None:
    """The guard looked before the switchover took the lease, and comes to the journal after."""
    it = eyed(tmp_path)
    loss = Loss("east", REGION, True, ("guard", "two"), it.rig.clock.now(), "dark")
    open_move(it.rig, OperationKind.SWITCHOVER, "west")
    assert region_loss.declare(it.rig.world, loss, "guard") is None
    assert it.notes(LOST) == []


def test_two_guards_declare_one_loss_once(tmp_path: Path) -> None:
    it = eyed(tmp_path)
    loss = Loss("east", REGION, True, ("guard", "two"), it.rig.clock.now(), "dark")
    first = region_loss.declare(it.rig.world, loss, "guard")
    second = region_loss.declare(it.rig.world, loss, "another guard")
    assert first is not None and second == first
    assert len(it.notes(LOST)) == 1


def test_old_news_starts_nothing(tmp_path: Path) -> None:
    it = eyed(tmp_path)
    it.lose("east")
    it.rig.clock.sleep(2)
    it.rig.clock.ticks.clear()  # the guard is gone
    it.rig.clock.sleep(region_loss.VOID_AFTER)
    told = region_loss.episode(it.rig.world.journal, "shop")
    assert told is not None
    with pytest.raises(Refused, match="void after 120 s"):
        region_loss.carry_out(it.rig.world, told, "guard")
    assert it.failovers() == []


def test_trouble_with_the_regions_stops_nothing_else(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    it = eyed(tmp_path)

    class Broken:
        def sight(self, point: str) -> Any:
            raise Refused("no eyes")

    from tidegate.guard.region_watch import RegionWatch
    from tidegate.guard.watch import Watch

    it.rig.watch = Watch(it.rig.world, regions=RegionWatch(it.rig.world, Broken()))
    it.rig.clock.sleep(3)
    assert caplog.text.count("the regions cannot be watched: no eyes") == 1
    beat = it.rig.world.journal.beats("shop")["guard"]
    assert beat.expires_at > it.rig.clock.now()


def test_every_row_verifies(tmp_path: Path) -> None:
    it = eyed(tmp_path)
    it.lose("east")
    it.rig.clock.sleep(2)
    it.act()
    assert it.rig.world.journal.verify("shop") == []
    assert [e.kind for e in it.rig.world.journal.events("shop", kinds={EventKind.NOTE})] != []
