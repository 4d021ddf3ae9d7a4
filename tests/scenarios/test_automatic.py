"""What the guard begins by itself, it begins once an hour; then it pages, and a person may act as ever."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.estate import Rig, build
from tests.support.losing import Eyed
from tests.support.moving import both_sign, move, moving_policy
from tests.support.operations import open_rollback, promote, small_policy
from tidegate.engine import automatic, class_loss, region_loss
from tidegate.engine.after_promotion import FAILED, UNANSWERED, declare_failed, watched_release
from tidegate.engine.detours import set_detour
from tidegate.engine.open import Request, open_operation
from tidegate.engine.permission import GUARD
from tidegate.engine.runner import drive
from tidegate.engine.view import OperationView
from tidegate.errors import Refused
from tidegate.guard.vigil import Alarm
from tidegate.guard.watch import Watch as Guard
from tidegate.journal.model import EventKind
from tidegate.judge.classes import Failing
from tidegate.model.operation import OperationKind, Outcome
from tidegate.plan.failover import failover_plan
from tidegate.plan.rollback import rollback_plan
from tidegate.policy.schema import Bake
from tidegate.report.overview import service_document


def eyed(tmp_path: Path, then: str = "act") -> Eyed:
    """1.1.0 was promoted and is watched; the guard may fail over, and move a class."""
    policy = moving_policy(synchronous="block", decide={"then": then}, detour={"then": "act"})
    bake = Bake.model_validate({"lasts": "1s", "requests": 3, "then_watch": "2h"})
    rig = build(tmp_path, policy.model_copy(update={"promotion": policy.promotion.model_copy(update={"bake": bake})}))
    rig.users.rate = 40.0
    assert move(rig, OperationKind.REPROTECT).outcome is Outcome.REPROTECTED
    rig.clock.sleep(30)
    assert promote(rig, "1.1.0").outcome is Outcome.PROMOTED
    return Eyed(rig)


def guards_rollback(rig: Rig, request: str = "watch-shop-1") -> OperationView:
    """As the asset event of the guard opens it."""
    plan = rollback_plan(rig.world.policy, rig.world.policy_digest)
    return open_operation(rig.world, Request(OperationKind.ROLLBACK, request, GUARD, "it fails"), plan, actor="airflow")


def rolled_back(rig: Rig) -> None:
    assert drive(rig.world, guards_rollback(rig).id, actor="airflow").outcome is Outcome.ROLLED_BACK


def test_a_failover_within_an_hour_of_an_automatic_rollback_takes_a_person(tmp_path: Path) -> None:
    it = eyed(tmp_path)
    rolled_back(it.rig)
    it.rig.clock.sleep(60)
    it.lose("east")
    it.rig.clock.sleep(5)
    assert (it.waiting, it.failovers()) == ([], [])
    told = region_loss.episode(it.rig.world.journal, "shop")
    assert told is not None and told.then == "page"
    assert "the guard has rolled back 1 min ago: a second time within an hour takes a person" in told.because
    (words,) = it.notes(region_loss.UNANSWERED)
    assert "tidegate failover shop" in words, "and a person is told how"
    it.new_guard()
    it.rig.clock.sleep(5)
    assert it.waiting == [], "another guard reads the same in the journal"
    done = move(it.rig, OperationKind.FAILOVER, ask=both_sign(it.rig.world))
    assert done.outcome is Outcome.FAILED_OVER, "a person may"


def test_a_rollback_within_an_hour_of_an_automatic_failover_takes_a_person(tmp_path: Path) -> None:
    it = eyed(tmp_path)
    alarms: list[Alarm] = []
    it.lose("east")
    it.rig.clock.sleep(2)
    it.act()
    assert drive(it.rig.world, it.failovers()[0], actor="airflow").outcome is Outcome.FAILED_OVER
    it.found("east")
    watched = watched_release(it.rig.world.journal, "shop")
    assert watched is not None
    it.rig.watch = Guard(it.rig.world, alarms.append)
    assert declare_failed(it.rig.world, watched, why="it fails", observed_at=it.rig.clock.now(), actor=GUARD)
    it.rig.clock.sleep(3)
    assert alarms == [], "nobody is asked for a rollback"
    (words,) = it.notes(UNANSWERED)
    assert "the guard has failed over" in words and automatic.PERSON in words and "tidegate rollback shop" in words
    page = service_document(it.rig.world.journal, "shop", it.rig.clock.now())
    assert any(automatic.PERSON in one for one in page["needs"]), "the page says why"
    open_rollback(it.rig)


def test_an_hour_later_the_guard_may_again(tmp_path: Path) -> None:
    it = eyed(tmp_path)
    rolled_back(it.rig)
    it.rig.clock.ticks.clear()
    it.rig.clock.sleep(automatic.ONCE_IN)
    rows = it.rig.world.journal.events("shop", kinds=automatic.KINDS)
    assert automatic.held_back(rows, it.rig.clock.now()) == ""
    assert automatic.held_back(rows, it.rig.clock.now() - 300) != ""


@pytest.mark.parametrize("kind", [OperationKind.ROLLBACK, OperationKind.FAILOVER])
def test_whatever_begins_it_a_second_one_is_refused_at_the_door(tmp_path: Path, kind: OperationKind) -> None:
    """Two events are on their way at once, or an old guard has not read the journal."""
    it = eyed(tmp_path)
    rolled_back(it.rig)
    planner = rollback_plan if kind is OperationKind.ROLLBACK else failover_plan
    plan = planner(it.rig.world.policy, it.rig.world.policy_digest)
    before = it.rig.world.journal.head("shop").seq
    with pytest.raises(Refused, match=automatic.PERSON) as refused:
        open_operation(it.rig.world, Request(kind, "another", GUARD, "again"), plan, actor="airflow")
    assert f"tidegate {kind.value} shop" in (refused.value.next_step or "")
    assert it.rig.world.journal.head("shop").seq == before
    view = open_operation(it.rig.world, Request(kind, "ours", "cat", "we looked"), plan, actor="test")
    assert view.requester == "cat"


def test_the_same_request_is_no_second_one(tmp_path: Path) -> None:
    it = eyed(tmp_path)
    assert guards_rollback(it.rig).id == guards_rollback(it.rig).id


def test_a_failover_that_people_sign_is_none_of_the_guards_own(tmp_path: Path) -> None:
    it = eyed(tmp_path, "approve")
    rolled_back(it.rig)
    it.lose("east")
    it.rig.clock.sleep(3)
    told = region_loss.episode(it.rig.world.journal, "shop")
    assert told is not None and (told.then, told.because) == ("approve", "")
    region_loss.carry_out(it.rig.world, told, "airflow")
    assert len(it.failovers()) == 1


def test_no_class_is_moved_within_an_hour_of_an_automatic_rollback_but_a_detour_holds_no_failover_back(
    tmp_path: Path,
) -> None:
    it = eyed(tmp_path)
    by = {"person": GUARD, "reason": "a test", "actor": GUARD}
    set_detour(it.rig.world, "checkout", "west", rates={}, **by)
    rows = it.rig.world.journal.events("shop", kinds=automatic.KINDS)
    now = it.rig.clock.now()
    assert automatic.held_back(rows, now) == "", "a region that is lost behind a detour is still failed out of"
    assert "the guard has moved it by itself" in automatic.held_back(rows, now, detour="checkout")
    assert automatic.held_back(rows, now, detour="browse") == ""
    rolled_back(it.rig)
    then, because = class_loss.declare(it.rig.world, Failing("browse", "east", "west", "it fails"), GUARD)
    assert then == "page" and "the guard has rolled back" in because


def test_a_person_s_operations_hold_nothing_back(tmp_path: Path) -> None:
    rig = build(tmp_path, small_policy(bake=Bake.model_validate({"lasts": "1s", "requests": 3, "then_watch": "15m"})))
    assert promote(rig, "1.1.0").outcome is Outcome.PROMOTED
    open_rollback(rig)
    rows = rig.world.journal.events("shop", kinds=automatic.KINDS)
    assert automatic.held_back(rows, rig.clock.now()) == ""
    assert not [e for e in rig.world.journal.events("shop", kinds={EventKind.NOTE}) if e.body.get("what") == FAILED]
