"""The error budget burns: who is told, what is taken back, what is left to others. The windows are 60 times as short as
usual: 60 s and 5 s, 6 min and 30 s, 24 min and 2 min, 72 min and 6 min."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.estate import Rig, build
from tests.support.losing import Eyed
from tests.support.moving import move, moving_policy
from tests.support.operations import open_rollback, promote, roll_back, small_policy
from tidegate.engine import automatic, burning
from tidegate.engine.after_promotion import FAILED
from tidegate.guard.burn_watch import ROWS
from tidegate.guard.vigil import Alarm
from tidegate.guard.watch import Watch as Guard
from tidegate.journal.model import EventKind
from tidegate.judge.burn import PERIOD, WHOLE, Burning, BurnRule, rules_for
from tidegate.judge.counted import Counted
from tidegate.model.operation import OperationKind, Outcome
from tidegate.policy.schema import Bake, Policy, Watch
from tidegate.report.overview import service_document

RATE = 40.0


def watched(policy: Policy, **watch: Any) -> Policy:
    return policy.model_copy(update={"watch": Watch.model_validate({"period": "12h", **watch})})


def fails(rig: Rig, part: float, endpoint: str = "") -> None:
    each = {name: part if endpoint in ("", name) else 0.0005 for name in ("checkout", "browse")}
    rig.users.error_rate = dict.fromkeys(rig.releases, each)


def notes(rig: Rig, what: str = burning.BURNS) -> list[tuple[str, str]]:
    rows = rig.world.journal.events("shop", kinds={EventKind.NOTE})
    return [(str(r.body.get("rule", "")), str(r.body.get("then", ""))) for r in rows if r.body.get("what") == what]


def needs(rig: Rig) -> list[str]:
    return [str(one) for one in service_document(rig.world.journal, "shop", rig.clock.now())["needs"]]


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    rig = build(tmp_path, watched(small_policy()))
    rig.users.rate = RATE
    rig.clock.sleep(65)
    return rig


def test_somebody_is_told_once_with_the_figures_and_the_command_until_it_is_over(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    assert notes(rig) == []
    fails(rig, 0.2)
    with caplog.at_level(logging.CRITICAL):
        rig.clock.sleep(20)
    assert notes(rig) == [("fast", "page")]
    (told,) = [one for one in needs(rig) if "availability burns" in one]
    assert "tidegate status shop" in told and "--without-airflow --by <name>" in told and "rule fast: 14.4x" in told
    assert told in caplog.text
    assert service_document(rig.world.journal, "shop", rig.clock.now())["urgency"] == 0
    fails(rig, 0.0)
    rig.clock.sleep(60)
    assert len(notes(rig, burning.OVER)) == 1, "six minutes later at most, its short window is long empty"
    assert not [one for one in needs(rig) if "rule fast" in one]
    assert rig.world.journal.verify("shop") == []


def test_a_short_trouble_that_spends_little_wakes_nobody(rig: Rig) -> None:
    fails(rig, 0.5)
    rig.clock.sleep(1.25)
    fails(rig, 0.0)
    rig.clock.sleep(20)
    assert notes(rig) == [], "the short window alone would have rung"


def test_what_burns_slowly_is_told_later(tmp_path: Path) -> None:
    """Two minutes and ten seconds."""
    rig = build(tmp_path, watched(small_policy(), period="4h"))
    rig.users.rate = 80.0
    fails(rig, 0.0095)
    rig.clock.sleep(130)
    assert notes(rig)[0] == ("slow", "page")
    assert ("fast", "page") not in notes(rig)


def test_the_last_rules_ask_and_wake_nobody(tmp_path: Path) -> None:
    """Four minutes and twenty seconds."""
    rig = build(tmp_path, watched(small_policy(), period="2h"))
    rig.users.rate = 60.0
    fails(rig, 0.0055)
    rig.clock.sleep(300)
    assert {then for _, then in notes(rig)} == {"ask"} and ("day", "ask") in notes(rig)
    assert service_document(rig.world.journal, "shop", rig.clock.now())["urgency"] == 1


def test_one_class_that_fails_is_seen_though_all_together_are_well(rig: Rig) -> None:
    fails(rig, 0.035, "checkout")
    rig.clock.sleep(60)
    told = burning.episode(rig.world.journal, "shop")
    assert told is not None and told.rule == "fast" and told.why.startswith("class checkout:")


def test_a_few_requests_prove_nothing(tmp_path: Path) -> None:
    """Two a second, of which every fifth fails: 24 times the budget's rate in both windows, and nine failures."""
    rig = build(tmp_path, watched(small_policy()))
    rig.users.rate = 4.0
    fails(rig, 0.2)
    rig.clock.sleep(10)
    row = rig.world.journal.evidence("shop", ROWS, "fast")
    assert notes(rig) == [] and row is not None
    rig.clock.sleep(40)
    assert notes(rig)[0] == ("fast", "page"), "it is seen once there is enough"


def test_no_requests_are_neither_an_alarm_nor_its_end(rig: Rig) -> None:
    rig.users.rate = 0.0
    rig.clock.sleep(30)
    assert notes(rig) == []
    assert "no requests seen, so nothing can be said" in burning.last_seen(rig.world.journal, "shop", rig.clock.now())
    rig.users.rate = RATE
    fails(rig, 0.3)
    rig.clock.sleep(20)
    assert len(notes(rig)) == 1
    rig.users.rate = 0.0
    rig.clock.sleep(400)
    assert notes(rig, burning.OVER) == [], "nobody has seen it well"


def fresh(tmp_path: Path, before: float = 0.0005, **watch: Any) -> tuple[Rig, list[Alarm]]:
    """1.1.0 was promoted, its watch judges checkouts alone; browsing is no class that blames a release there."""
    policy = small_policy(bake=Bake.model_validate({"lasts": "1s", "requests": 3, "then_watch": "15m"}))
    signals = policy.promotion.signals.model_copy(
        update={"endpoints": ("checkout",), "business": None, "service": None}
    )
    promotion = policy.promotion.model_copy(update={"signals": signals})
    rig = build(tmp_path, watched(policy.model_copy(update={"promotion": promotion}), **{"fast": "back", **watch}))
    alarms: list[Alarm] = []
    rig.watch = Guard(rig.world, alarms.append)
    rig.users.rate = RATE
    fails(rig, before, "browse")
    rig.clock.sleep(40)
    assert promote(rig, "1.1.0").outcome is Outcome.PROMOTED
    rig.clock.sleep(5)
    return rig, alarms


def test_a_burn_that_began_with_a_fresh_release_asks_for_its_rollback(tmp_path: Path) -> None:
    rig, alarms = fresh(tmp_path)
    fails(rig, 0.5, "browse")
    rig.clock.sleep(20)
    assert notes(rig)[0] == ("fast", "back")
    assert len(notes(rig, FAILED)) == 1
    assert [alarm.service for alarm in alarms] == ["shop"]
    assert "1.1.0 fails after its promotion" in alarms[0].reason
    rig.users.error_rate = {"1.1.0": {"browse": 0.5}}
    assert roll_back(rig).outcome is Outcome.ROLLED_BACK
    rig.clock.sleep(15)
    assert len(notes(rig)) == 1, "what was before the rollback is answered"


def test_where_the_policy_says_page_a_fresh_release_is_not_taken_back(tmp_path: Path) -> None:
    rig, alarms = fresh(tmp_path, fast="page")
    fails(rig, 0.5, "browse")
    rig.clock.sleep(20)
    assert (notes(rig)[0], notes(rig, FAILED), alarms) == (("fast", "page"), [], [])


def test_what_burned_before_the_release_is_not_its_doing(tmp_path: Path) -> None:
    rig, alarms = fresh(tmp_path, before=0.03)
    fails(rig, 0.5, "browse")
    rig.clock.sleep(20)
    told = burning.episode(rig.world.journal, "shop")
    assert (alarms, notes(rig, FAILED)) == ([], [])
    assert told is not None and told.then == "page" and "to go back would help nobody" in told.because


def test_while_an_operation_goes_back_nothing_is_said(tmp_path: Path) -> None:
    rig, _ = fresh(tmp_path, fast="page", slow="page")
    open_rollback(rig)
    fails(rig, 0.5, "browse")
    rig.clock.sleep(20)
    assert notes(rig) == []


def eyed(tmp_path: Path) -> Eyed:
    policy = watched(moving_policy(synchronous="block", decide={"then": "act"}), fast="back", slow="back")
    rig = build(tmp_path, policy)
    rig.users.rate = RATE
    assert move(rig, OperationKind.REPROTECT).outcome is Outcome.REPROTECTED
    it = Eyed(rig)
    rig.clock.sleep(30)
    return it


def test_a_burn_alone_never_begins_a_failover(tmp_path: Path) -> None:
    """Every request in east fails, and the probes see it well: that is no loss, however bad it is for users."""
    it = eyed(tmp_path)
    it.rig.users.dark.add("east")
    it.rig.clock.sleep(60)
    assert notes(it.rig)[0] == ("fast", "page")
    assert (it.waiting, it.failovers()) == ([], [])


def test_the_loss_of_a_region_is_left_to_the_rule_for_regions(tmp_path: Path) -> None:
    it = eyed(tmp_path)
    it.lose("east")
    it.rig.clock.sleep(20)
    told = burning.episode(it.rig.world.journal, "shop")
    assert told is not None and told.then == "regions" and "east is lost" in told.because
    assert not [one for one in needs(it.rig) if "availability burns" in one], "people are told of the loss itself"
    assert len(it.waiting) == 1


def test_a_region_that_is_lost_hides_nothing_that_burns_elsewhere(tmp_path: Path) -> None:
    it = eyed(tmp_path)
    it.lose("east")
    it.rig.users.dark.add("west")
    it.rig.clock.sleep(20)
    told = burning.episode(it.rig.world.journal, "shop")
    assert told is not None and told.then == "page"


def test_a_guard_that_takes_over_goes_on_with_the_same_windows(rig: Rig) -> None:
    fails(rig, 0.05)
    rig.clock.sleep(18)
    assert notes(rig) == []
    rig.replace_guard()
    rig.clock.sleep(13)
    assert notes(rig) == [("fast", "page")], "what the guard before had counted is in it"


def test_a_first_guard_takes_what_nobody_saw_for_well(tmp_path: Path) -> None:
    rig = build(tmp_path, watched(small_policy()), guarded=False)
    rig.users.rate = RATE
    rig.clock.ticks.append(rig.guard_tick)
    fails(rig, 0.05)
    rig.clock.sleep(14)
    assert notes(rig) == [], "5 % for 14 of 60 s are less than 14.4 times the budget over all of them"
    rig.clock.sleep(10)
    assert notes(rig) == [("fast", "page")]


def test_counts_that_cannot_be_read_begin_anew(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    rig.world.journal.put_evidence("shop", ROWS, "fast", {"version": 99, "until": 0.0})
    rig.replace_guard()
    assert "the counts of the rule fast of shop begin anew" in caplog.text
    fails(rig, 0.3)
    rig.clock.sleep(20)
    assert notes(rig)[0] == ("fast", "page")


def test_two_guards_say_it_once(rig: Rig) -> None:
    second = Guard(rig.world)
    rig.clock.ticks.append(lambda _: second.step() and None)
    fails(rig, 0.3)
    rig.clock.sleep(30)
    assert notes(rig) == [("fast", "page")]


def test_two_guards_that_have_seen_it_at_once_declare_it_once(rig: Rig) -> None:
    fast, slow = rules_for(PERIOD)[:2]
    seen = Counted(1000, 300, 3600.0)

    def declare(rule: BurnRule, then: str = "page") -> str:
        return burning.declare(rig.world, Burning(rule, "availability", WHOLE, 0.001, seen, seen), then, "", "guard").id

    first = declare(slow)
    assert declare(slow) == first
    worse = declare(fast)
    assert worse != first, "what is more urgent is news"
    assert declare(slow) == worse
    assert notes(rig) == [("slow", "page"), ("fast", "page")]


def test_who_found_no_region_that_answers_has_failed(rig: Rig) -> None:
    """The edge answers by itself, and no arm is to blame: users failed all the same."""
    one = rig.metrics._log[-1]
    assert not isinstance(one, str)

    def turned(refused: bool) -> None:
        made = [replace(one, at=rig.clock.now(), arm=None, status=503, refused=refused) for _ in range(300)]
        rig.metrics.push(made)
        rig.clock.sleep(6)

    turned(True)
    assert notes(rig) == [], "who was asked to come again later has not failed"
    turned(False)
    assert notes(rig) == [("fast", "page")]


def test_without_the_key_nobody_counts(tmp_path: Path) -> None:
    rig = build(tmp_path, small_policy())
    fails(rig, 0.5)
    rig.clock.sleep(60)
    assert notes(rig) == []
    assert rig.world.journal.evidence("shop", ROWS, "fast") is None


def test_a_request_from_the_future_forgets_nothing(rig: Rig) -> None:
    fails(rig, 0.05)
    rig.clock.sleep(18)
    last = rig.metrics._log[-1]
    assert not isinstance(last, str)
    rig.metrics.push([replace(last, at=rig.clock.now() + 86_400)])
    rig.clock.sleep(13)
    assert notes(rig) == [("fast", "page")]


DECIDE: dict[str, Any] = {"region": "", "release": "1.1.0", "found_by_watch": False, "away": "", "held": ""}


@pytest.mark.parametrize(
    "then, changes, expected",
    [
        ("back", {}, ("back", "it began with 1.1.0")),
        ("back", {"found_by_watch": True}, ("back", "the watch over 1.1.0 has found it as well")),
        ("back", {"release": ""}, ("page", "so to go back would help nobody")),
        ("back", {"away": "east"}, ("page", "east does not answer, so 1.1.0 is not held to account")),
        ("back", {"held": automatic.PERSON}, ("page", automatic.PERSON)),
        ("back", {"region": "east"}, ("regions", "answered by the rule for regions")),
        ("page", {}, ("page", "")),
        ("ask", {"held": automatic.PERSON}, ("ask", "")),
        ("page", {"region": "east"}, ("regions", "answered by the rule for regions")),
    ],
)
def test_what_follows(then: str, changes: dict[str, Any], expected: tuple[str, str]) -> None:
    does, because = burning.what_then(then, **{**DECIDE, **changes})
    assert does == expected[0] and expected[1] in because
