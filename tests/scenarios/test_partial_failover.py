"""Only the primary's database is lost: only the database moves, and nobody's users are sent elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.estate import Rig, build
from tests.support.losing import Eyed
from tests.support.moving import Writers, both_sign, move, moving_policy, open_move, placement, regions, writing
from tests.support.operations import advance, now, open_promotion, promote, weights
from tidegate.drivers.token import Token
from tidegate.engine import region_loss
from tidegate.engine.partial import Glance, in_the_dark
from tidegate.engine.runner import drive
from tidegate.engine.view import OperationView, fold_operation
from tidegate.errors import LeaseLost, Refused, Unreachable
from tidegate.journal.model import EventKind
from tidegate.judge.regions import COMPUTE, DATABASE, REGION, Loss
from tidegate.model.binding import Binding
from tidegate.model.operation import OperationKind, Outcome

AWAY, HOME, AGAIN = OperationKind.FAILOVER, OperationKind.SWITCHOVER, OperationKind.REPROTECT
OF_TRAFFIC = ("cutover.shift", "scale.target", "scale.ready", "shift.move-50", "shift.health-50", "shift.move-100")


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    """Synchronous, and on record as such."""
    rig = build(tmp_path, moving_policy(synchronous="block", decide={"then": "act"}))
    assert move(rig, AGAIN).outcome is Outcome.REPROTECTED
    rig.effects_log().clear()
    return rig


@pytest.fixture
def clients(rig: Rig) -> Writers:
    return writing(rig)


def alone(rig: Rig, only: str = DATABASE, kind: OperationKind = AWAY) -> OperationView:
    """Somebody asks for a failover of the database alone."""
    return open_move(rig, kind, "west", only=only)


def test_only_the_database_moves(rig: Rig, clients: Writers) -> None:
    rig.clock.sleep(5)
    rig.database.power_off("east")
    view = drive(rig.world, alone(rig).id, actor="test")
    assert (view.outcome, view.requested) == (Outcome.FAILED_OVER, {})
    assert (rig.database.writers(), regions(rig)) == (("west",), {"east": 5000, "west": 5000})
    assert {(e.family, e.verb) for e in rig.effects()} == {("database", "promote_database")}
    for node in OF_TRAFFIC:
        assert now(rig, view).node(node).detail == "nothing to do: only the database moves", node
    where = placement(rig)
    assert where is not None
    assert (where.primary, where.protected, dict(where.shares)) == ("west", False, {"east": 5000, "west": 5000})
    assert clients.most == 1 and clients.lost("west") == []
    assert rig.world.journal.verify("shop") == []


def test_from_there_it_is_protected_promotes_and_comes_home(rig: Rig, clients: Writers) -> None:
    rig.database.crash("east")
    drive(rig.world, alone(rig).id, actor="test")
    with pytest.raises(Refused, match="no second database follows"):
        open_promotion(rig, "1.1.0")
    rig.database.comes_back("east")
    assert move(rig, AGAIN).outcome is Outcome.REPROTECTED
    where = placement(rig)
    assert where is not None
    assert (where.primary, where.protected, where.away, where.synced) == ("west", True, True, "east")
    assert promote(rig, "1.1.0").outcome is Outcome.PROMOTED, "both regions serve, and one could take over"
    assert move(rig, HOME, "east").outcome is Outcome.SWITCHED_OVER
    assert (rig.database.writers(), regions(rig)) == (("east",), {"east": 5000, "west": 5000})
    assert clients.most == 1 and clients.lost("east") == []


def test_users_are_not_left_in_a_region_that_is_dark(rig: Rig) -> None:
    rig.database.power_off("east")
    rig.compute.faults.lost["east"] = Unreachable("east is dark")
    with pytest.raises(Refused, match=r"more than the database is lost in east, which has 50% .*: east is dark") as no:
        alone(rig)
    assert "without --only" in no.value.next_step
    assert rig.world.journal.head("shop").lease is None
    assert move(rig, AWAY, "west").outcome is Outcome.FAILED_OVER


def test_instances_that_miss_the_database_everywhere_tell_nothing_of_a_region() -> None:
    unwell, well, silent = Glance(unwell="none of 2 instances answers"), Glance(), Glance("no answer")
    assert in_the_dark({"east": unwell, "west": well}) == {"east": "none of 2 instances answers"}
    assert in_the_dark({"east": unwell, "west": unwell}) == {}
    assert in_the_dark({"east": silent, "west": unwell}) == {"east": "no answer", "west": "none of 2 instances answers"}


def test_what_cannot_be_moved_alone_is_refused_by_name(rig: Rig) -> None:
    with pytest.raises(Refused, match="does not move only 'databse'") as refused:
        alone(rig, "databse")
    assert "did you mean 'database'?" in refused.value.next_step
    with pytest.raises(Refused, match="a switchover does not move only"):
        alone(rig, kind=HOME)


def test_a_candidate_keeps_no_traffic(rig: Rig) -> None:
    lower = advance(rig, open_promotion(rig, "1.1.0"), "wave-1.shift-100")
    stale = Token(rig.world.journal.head("shop").epoch, lower.id)
    assert any(arm.endswith("-b") for arm in weights(rig))
    before = regions(rig)
    rig.database.crash("east")
    view = drive(rig.world, alone(rig).id, actor="test")
    assert (view.outcome, now(rig, lower).outcome) == (Outcome.FAILED_OVER, Outcome.SUPERSEDED)
    assert (weights(rig), regions(rig)) == ({"east-a": 5000, "west-a": 5000}, before)
    split = rig.traffic.observe().split
    assert split is not None
    with pytest.raises(LeaseLost):
        rig.traffic.apply(split, stale)


def test_a_shift_that_was_on_its_way_is_refused(rig: Rig) -> None:
    """The split is as it should be, and an older command may still arrive: so it is written once more."""
    lower = advance(rig, open_promotion(rig, "1.1.0"), "wave-1.ready")
    stale = Token(rig.world.journal.head("shop").epoch, lower.id)
    rig.database.crash("east")
    view = drive(rig.world, alone(rig).id, actor="test")
    assert view.binding.superseded == lower.id
    split = rig.traffic.observe().split
    assert split is not None
    with pytest.raises(LeaseLost):
        rig.traffic.apply(split, stale)


def test_without_a_fence_people_are_asked_here_too(rig: Rig) -> None:
    rig.database.cut("east")
    view = alone(rig)
    assert drive(rig.world, view.id, actor="test", ask=both_sign(rig.world)).outcome is Outcome.FAILED_OVER
    assert "NOT FENCED" in now(rig, view).node("declare.fence").detail


def eyed(tmp_path: Path, then: str = "act") -> Eyed:
    rig = build(tmp_path, moving_policy(synchronous="block", decide={"then": then}))
    rig.users.rate = 12.0
    assert move(rig, AGAIN).outcome is Outcome.REPROTECTED
    return Eyed(rig)


def the_failover(it: Eyed) -> OperationView:
    (operation,) = it.failovers()
    view = fold_operation(it.rig.world.journal.events("shop", operation=operation))
    assert view is not None
    return view


def test_the_guard_moves_only_what_is_lost(tmp_path: Path) -> None:
    it = eyed(tmp_path)
    it.rig.clock.sleep(2)
    it.rig.database.power_off("east")
    it.rig.clock.sleep(2)
    assert it.act() == 1
    view = the_failover(it)
    assert view.binding.only == DATABASE
    assert drive(it.rig.world, view.id, actor="airflow").outcome is Outcome.FAILED_OVER
    assert regions(it.rig) == {"east": 5000, "west": 5000}


def test_of_a_region_that_dies_one_part_is_seen_before_the_others(tmp_path: Path) -> None:
    """The points agree on its database; by the time that anything is opened the rest is dark as well."""
    it = eyed(tmp_path)
    it.rig.clock.sleep(2)
    it.rig.database.power_off("east")
    it.rig.clock.sleep(1)
    it.lose("east")
    assert it.act() == 1
    view = the_failover(it)
    assert view.binding.only == ""
    drive(it.rig.world, view.id, actor="airflow")
    assert regions(it.rig) == {"east": 0, "west": 10_000}


def test_a_page_says_what_to_move(tmp_path: Path) -> None:
    it = eyed(tmp_path, "page")
    it.rig.database.power_off("east")
    it.rig.clock.sleep(5)
    (words,) = it.notes(region_loss.UNANSWERED)
    assert 'tidegate failover shop --only database --reason "the database in east is lost" --wait' in words


def test_compute_that_dies_after_its_database_is_news(tmp_path: Path) -> None:
    it = eyed(tmp_path)
    it.rig.clock.sleep(2)
    it.rig.database.power_off("east")
    it.rig.clock.sleep(2)
    it.act()
    drive(it.rig.world, the_failover(it).id, actor="airflow")
    it.rig.clock.sleep(10)
    assert len(it.notes(region_loss.LOST)) == 1, "that its database is lost is known"
    it.lose("east")
    it.rig.clock.sleep(10)
    assert len(it.notes(region_loss.LOST)) == 2
    where = placement(it.rig)
    for what, said in ((DATABASE, False), (COMPUTE, True), (REGION, True)):
        loss = Loss("east", what, False, ("guard", "two"), 0.0, "dark")
        assert region_loss.worth_saying(loss, where) is said


def test_old_rows_mean_everything(rig: Rig) -> None:
    rig.database.crash("east")
    view = alone(rig)
    row = rig.world.journal.events("shop", operation=view.id, kinds={EventKind.OPERATION_OPENED})[0].body["binding"]
    assert Binding.from_json(row) == view.binding
    del row["only"]
    assert Binding.from_json(row).only == ""
