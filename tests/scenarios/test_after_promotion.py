"""After its promotion a release is watched at full traffic; if it fails, a rollback is asked for, or somebody paged."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.estate import Rig, build
from tests.support.operations import open_promotion, promote, roll_back, small_policy
from tidegate.engine.after_promotion import ANSWER_WITHIN, FAILED, UNANSWERED, declare_failed, watched_release
from tidegate.engine.runner import drive
from tidegate.engine.turn import turn_back
from tidegate.errors import NotAuthorised, Unreachable
from tidegate.guard.vigil import RETURNING, Alarm
from tidegate.guard.watch import Watch
from tidegate.journal.model import EventKind
from tidegate.model.operation import Outcome
from tidegate.policy.schema import Bake
from tidegate.report.overview import service_document

BAKE = Bake.model_validate({"lasts": "1s", "requests": 3, "then_watch": "15m"})


def promoted(tmp_path: Path, **changes: object) -> tuple[Rig, list[Alarm]]:
    """1.1.0 is promoted after half a minute in which 1.0.0 was seen; the alarms of its guard."""
    rig = build(tmp_path, small_policy(**{"bake": BAKE, **changes}))
    alarms: list[Alarm] = []
    rig.watch = Watch(rig.world, alarms.append)
    rig.clock.sleep(30)
    assert promote(rig, "1.1.0").outcome is Outcome.PROMOTED
    return rig, alarms


def notes(rig: Rig, what: str) -> list[str]:
    rows = rig.world.journal.events("shop", kinds={EventKind.NOTE})
    return [str(e.body["why"]) for e in rows if e.body["what"] == what]


def breaks(rig: Rig, part: float = 0.3) -> None:
    rig.users.error_rate["1.1.0"] = {"checkout": part, "browse": part}


def test_a_release_that_fails_after_its_promotion_is_asked_to_be_rolled_back_once(tmp_path: Path) -> None:
    rig, alarms = promoted(tmp_path)
    rig.clock.sleep(10)
    assert alarms == []
    page = service_document(rig.world.journal, "shop", rig.clock.now())
    assert "1.1.0 is watched until" in page["watch"]
    assert "Watched until" in page["operation"]["headline"]["next"]
    breaks(rig)
    rig.clock.sleep(20)
    (alarm,) = alarms
    assert "1.1.0 fails after its promotion" in alarm.reason
    assert len(notes(rig, FAILED)) == 1
    assert notes(rig, UNANSWERED) == []
    rig.users.error_rate.clear()
    assert roll_back(rig).outcome is Outcome.ROLLED_BACK
    rig.clock.sleep(20)
    assert (len(alarms), notes(rig, UNANSWERED)) == (1, [])


def test_if_nobody_answers_somebody_is_paged_with_the_exact_command(tmp_path: Path) -> None:
    rig, _ = promoted(tmp_path)
    breaks(rig)
    rig.clock.sleep(ANSWER_WITHIN + 20)
    (words,) = notes(rig, UNANSWERED)
    assert "tidegate rollback shop" in words
    assert "--without-airflow" in words
    page = service_document(rig.world.journal, "shop", rig.clock.now())
    assert (page["urgency"], page["needs"][0]) == (0, words), "the page says it first"
    rig.clock.sleep(5)
    assert len(notes(rig, UNANSWERED)) == 1


def test_where_nobody_can_be_asked_somebody_is_paged_at_once(tmp_path: Path) -> None:
    rig, _ = promoted(tmp_path)
    rig.replace_guard()
    breaks(rig)
    rig.clock.sleep(10)
    assert len(notes(rig, UNANSWERED)) == 1


def test_a_fault_of_a_few_per_cent_of_one_class_is_found_against_the_past(tmp_path: Path) -> None:
    """1.0.0 hardly ever failed: 3 % of the checkouts are far beyond its bound; so is the promise."""
    rig, alarms = promoted(tmp_path)
    rig.users.error_rate["1.1.0"] = {"checkout": 0.03, "browse": 0.0}
    rig.clock.sleep(30)
    assert len(alarms) == 1


def test_a_replaced_guard_goes_on_with_the_same_watch(tmp_path: Path) -> None:
    rig, alarms = promoted(tmp_path)
    rig.clock.sleep(10)
    before = rig.world.journal.evidence("shop", _promotion(rig), "vigil")
    assert before is not None
    rig.watch = Watch(rig.world, alarms.append)
    rig.clock.sleep(10)
    after = rig.world.journal.evidence("shop", _promotion(rig), "vigil")
    assert after is not None
    assert after["requests"] > before["requests"] > 0
    assert (after["since"], after["past"]) == (before["since"], before["past"])
    assert after["past"]["checkout"][0] > 1000, "what 1.0.0 had shown before"
    breaks(rig)
    rig.clock.sleep(20)
    assert len(alarms) == 1


def test_two_guards_say_it_once(tmp_path: Path) -> None:
    rig, alarms = promoted(tmp_path)
    second = Watch(rig.world, alarms.append)
    rig.clock.ticks.append(lambda _: second.step() and None)
    breaks(rig)
    rig.clock.sleep(20)
    assert len(notes(rig, FAILED)) == 1
    assert {a.id for a in alarms} == {alarms[0].id}, "the second event is void once an operation was opened"


def test_after_its_time_the_watch_is_over(tmp_path: Path) -> None:
    rig, alarms = promoted(tmp_path, bake=BAKE.model_copy(update={"then_watch": 20.0}))
    rig.clock.sleep(30)
    breaks(rig)
    rig.clock.sleep(30)
    assert (alarms, notes(rig, FAILED)) == ([], [])


def test_it_is_declared_once_in_time_and_of_a_free_service_only(tmp_path: Path) -> None:
    rig, _ = promoted(tmp_path, bake=BAKE.model_copy(update={"then_watch": 60.0}))
    watched = watched_release(rig.world.journal, "shop")
    assert watched is not None

    def declare() -> bool:
        return declare_failed(rig.world, watched, why="a test", observed_at=rig.clock.now(), actor="guard")

    view = open_promotion(rig, "1.3.0")
    assert not declare(), "an operation has the say"
    turn_back(rig.world, view.id, why="a test", actor="test")
    drive(rig.world, view.id, actor="test")
    assert [declare(), declare()] == [True, False]
    late, _ = promoted(tmp_path / "late", bake=BAKE.model_copy(update={"then_watch": 5.0}))
    over = watched_release(late.world.journal, "shop")
    assert over is not None
    late.clock.sleep(10)
    assert not declare_failed(late.world, over, why="a test", observed_at=late.clock.now(), actor="guard")


def test_without_the_key_nobody_watches(tmp_path: Path) -> None:
    rig, alarms = promoted(tmp_path, bake=BAKE.model_copy(update={"then_watch": None}))
    breaks(rig)
    rig.clock.sleep(30)
    assert (alarms, notes(rig, FAILED)) == ([], [])


def test_an_open_operation_has_the_say(tmp_path: Path) -> None:
    """The next promotion is under way: what fails then is its judge's business."""
    rig, alarms = promoted(tmp_path)
    rig.clock.sleep(5)
    open_promotion(rig, "1.3.0")
    breaks(rig)
    rig.clock.sleep(20)
    assert (alarms, notes(rig, FAILED)) == ([], [])


@pytest.mark.parametrize("part", [0.004, 0.5])
def test_the_fast_lane_is_for_what_burns_ten_times_the_budget(tmp_path: Path, part: float) -> None:
    rig, alarms = promoted(tmp_path)
    breaks(rig, part)
    rig.clock.sleep(40)
    assert [a.fast_lane for a in alarms] == [part == 0.5]


def _promotion(rig: Rig) -> str:
    opened = rig.world.journal.events("shop", kinds={EventKind.OPERATION_OPENED})
    return str(opened[-1].operation)


def test_a_release_is_not_blamed_for_a_region_that_is_not_there(tmp_path: Path) -> None:
    rig, alarms = promoted(tmp_path)
    rig.users.dark.add("west")
    rig.compute.faults.lost["west"] = Unreachable("west has no power")
    rig.clock.sleep(60)
    assert (alarms, notes(rig, FAILED)) == ([], [])
    rig.compute.faults.lost.clear()
    rig.clock.sleep(5)
    rig.users.dark.clear()
    rig.clock.sleep(RETURNING)
    assert alarms == [], "its control answers before its instances do, and what was seen in the dark is forgotten"
    breaks(rig)
    rig.clock.sleep(20)
    assert len(alarms) == 1


def test_a_control_that_answers_with_an_error_is_there(tmp_path: Path) -> None:
    rig, alarms = promoted(tmp_path)
    rig.compute.faults.lost["west"] = NotAuthorised("the log-in was changed")
    breaks(rig)
    rig.clock.sleep(20)
    assert len(alarms) == 1, "else a wrong password would hide a release that fails"
