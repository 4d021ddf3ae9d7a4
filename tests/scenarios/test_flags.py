"""Showing what is behind flags, by steps, once the release is certified; and back by flags alone where that will do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.estate import Rig, build
from tests.support.operations import advance, now, open_promotion, promote, small_policy, weights
from tidegate.drivers.flags.contract import Because
from tidegate.drivers.token import Token
from tidegate.engine.control import abort, make_safe
from tidegate.engine.facts import FACT_KINDS, ServiceFacts, fold_facts
from tidegate.engine.retire_flag import retire_flag
from tidegate.engine.runner import Halt, drive
from tidegate.errors import Forbidden, Refused
from tidegate.journal.model import EventKind
from tidegate.model.flags import Setting
from tidegate.model.ladder import Rung
from tidegate.model.operation import Outcome
from tidegate.policy.schema import Exposure

ON_B = {"east-b": 5000, "west-b": 5000}
ENDED = Setting(10_000, default=True)


def exposing_policy() -> Any:
    few = {"requests": 5}
    return small_policy(exposure=Exposure.model_validate({"evidence": {"5%": few, "50%": few, "100%": few}}))


def rig_with(tmp_path: Path, **flags: dict[str, bool]) -> Rig:
    settings = {version.replace("v", "").replace("_", "."): {"flags": given} for version, given in flags.items()}
    return build(tmp_path, exposing_policy(), settings=settings)


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return rig_with(tmp_path, v1_1_0={"new_basket": False}, v1_2_0={"new_basket": True})


def facts(rig: Rig) -> ServiceFacts:
    return fold_facts(rig.world.journal.events("shop", kinds=FACT_KINDS))


def test_a_good_feature_is_shown_to_everybody_and_is_known_to_be_good_then(rig: Rig) -> None:
    view = promote(rig, "1.1.0")
    assert view.outcome is Outcome.PROMOTED
    assert rig.flags.observe().flags == {"new_basket": ENDED}
    assert facts(rig).flags["new_basket"].now == ENDED
    raised = [e.detail["new_basket"] for e in rig.effects() if e.family == "flags"]
    assert raised == [f"{p}% exposed, default off" for p in (5, 50, 100)] + ["100% exposed, default on"]


def test_a_release_without_flags_has_nothing_to_show(tmp_path: Path) -> None:
    rig = rig_with(tmp_path)
    view = promote(rig, "1.1.0")
    assert view.outcome is Outcome.PROMOTED
    shown = [n.id for s, n in view.plan.nodes() if s.id == "expose"]
    assert all(view.node(n).nothing_to_do for n in [*shown, "settle.flags"])
    assert [e for e in rig.effects() if e.family == "flags"] == []


def test_a_feature_that_fails_goes_back_by_its_flag_and_nothing_else(rig: Rig) -> None:
    rig.users.flag_fails["new_basket"] = 0.3
    view = promote(rig, "1.1.0")
    assert (view.outcome, view.stopped_at, weights(rig)) == (Outcome.ROLLED_BACK, Rung.FLAGS, ON_B)
    assert rig.flags.observe().flags == {"new_basket": Setting(0)}
    at = next(i for i, e in enumerate(rig.effects()) if e.family == "flags")
    assert {e.family for e in rig.effects()[at:]} == {"flags"}, "nothing redeployed, no route written"
    assert facts(rig).stable is not None
    assert facts(rig).stable.version == "1.1.0"  # type: ignore[union-attr]


def test_nobody_who_never_saw_it_sees_it_on_the_way_back(rig: Rig) -> None:
    view = open_promotion(rig, "1.1.0")
    advance(rig, view, until="expose.gate-5")
    rig.clock.sleep(2)
    before = set(rig.users.seen)
    rig.users.flag_fails["new_basket"] = 0.5
    drive(rig.world, view.id, actor="test")
    seen_at_five = {session for _, session in before}
    assert seen_at_five
    rig.users.seen.clear()
    rig.clock.sleep(5)
    assert rig.users.seen == set()


def test_a_person_aborts_while_it_is_shown(rig: Rig) -> None:
    view = open_promotion(rig, "1.1.0")
    advance(rig, view, until="expose.raise-50")
    assert now(rig, view).certified
    abort(rig.world, view.id, person="cat", reason="customers are confused", actor="cat")
    assert make_safe(rig.world, view.id, actor="cat").done
    assert rig.flags.observe().flags == {"new_basket": Setting(0)}
    assert weights(rig) == ON_B
    ended = drive(rig.world, view.id, actor="test")
    assert (ended.outcome, ended.stopped_at) == (Outcome.ROLLED_BACK, Rung.FLAGS)


def test_what_somebody_shows_again_while_it_stops_is_taken_back_again(rig: Rig) -> None:
    view = open_promotion(rig, "1.1.0")
    advance(rig, view, until="expose.raise-50")
    abort(rig.world, view.id, person="cat", reason="confusing", actor="cat")
    make_safe(rig.world, view.id, actor="cat")
    rig.flags.foreign_hand("new_basket", edited=True)
    rig.clock.sleep(1)
    assert rig.flags.observe().flags == {"new_basket": Setting(0)}


def test_of_several_flags_only_the_guilty_one_goes_back(tmp_path: Path) -> None:
    rig = rig_with(tmp_path, v1_1_0={"bad": False, "good": False})
    rig.users.flag_fails["bad"] = 0.3
    view = promote(rig, "1.1.0")
    assert (view.outcome, view.guilty) == (Outcome.ROLLED_BACK, ("bad",))
    flags = rig.flags.observe().flags
    assert flags["bad"] == Setting(0)
    assert flags["good"].exposed >= 500


def test_a_release_that_is_ill_itself_goes_further_back(rig: Rig) -> None:
    """Flags are taken back first; users are not well by that, so the traffic goes as well."""
    view = open_promotion(rig, "1.1.0")
    advance(rig, view, until="expose.raise-50")
    rig.users.error_rate["1.1.0"] = {"checkout": 0.9, "browse": 0.9}
    ended = drive(rig.world, view.id, actor="test")
    assert (ended.outcome, ended.stopped_at) == (Outcome.ROLLED_BACK, Rung.TRAFFIC)
    assert weights(rig) == {"east-a": 5000, "west-a": 5000}
    assert facts(rig).stable.version == "1.0.0"  # type: ignore[union-attr]
    assert rig.flags.observe().flags == {"new_basket": Setting(0)}


def test_every_change_is_journalled_with_who_and_why(rig: Rig) -> None:
    promote(rig, "1.1.0")
    rows = rig.world.journal.events("shop", kinds={EventKind.FLAGS_SET})
    assert [(r.body["by"], r.body["why"], r.body["version"]) for r in rows] == [("cat", "a test", "1.1.0")] * 4
    assert [r.body["flags"]["new_basket"]["now"]["exposed"] for r in rows] == [500, 5000, 10_000, 10_000]


# What may be admitted


def test_a_default_that_is_not_known_to_be_good_is_refused(rig: Rig) -> None:
    view = promote(rig, "1.2.0")
    assert view.outcome is Outcome.REFUSED
    assert "new_basket on where nothing decides" in view.why_back
    assert "--flag new_basket=off" in view.why_back


def test_what_was_shown_to_everybody_must_be_on_in_the_next_release(tmp_path: Path) -> None:
    rig = rig_with(tmp_path, v1_1_0={"new": False}, v1_2_0={"new": False}, v1_3_0={"new": True})
    promote(rig, "1.1.0")
    assert promote(rig, "1.2.0").outcome is Outcome.REFUSED
    before = len([e for e in rig.effects() if e.family == "flags"])
    assert promote(rig, "1.3.0").outcome is Outcome.PROMOTED
    assert len([e for e in rig.effects() if e.family == "flags"]) == before, "it is shown to everybody already"


def test_a_flag_that_somebody_else_put_there_is_refused(rig: Rig) -> None:
    rig.flags.foreign_hand("new_basket")
    assert promote(rig, "1.1.0").outcome is Outcome.REFUSED


def test_a_source_that_cannot_be_understood_is_no_time_to_begin(rig: Rig) -> None:
    rig.flags.lose()
    assert promote(rig, "1.1.0").outcome is Outcome.REFUSED


def test_a_foreign_hand_in_mid_exposure_turns_it_back(rig: Rig) -> None:
    view = open_promotion(rig, "1.1.0")
    advance(rig, view, until="expose.raise-50")
    rig.flags.foreign_hand("new_basket", edited=True)
    ended = drive(rig.world, view.id, actor="test")
    assert ended.outcome is Outcome.ROLLED_BACK
    assert rig.flags.observe().flags == {"new_basket": Setting(0)}


def test_a_foreign_hand_before_the_first_exposure_turns_it_back(rig: Rig) -> None:
    """Where nothing was set by us yet, an edited flag looks like one that was never set: only its mark tells."""
    view = open_promotion(rig, "1.1.0")
    advance(rig, view, until="expose.raise-5")
    rig.flags.foreign_hand("new_basket", edited=True)
    ended = drive(rig.world, view.id, actor="test")
    assert ended.outcome is Outcome.ROLLED_BACK
    assert "not as we left it: new_basket" in ended.why_back


def test_a_source_that_is_lost_in_mid_exposure_is_made_again_with_the_flag_off(rig: Rig) -> None:
    view = open_promotion(rig, "1.1.0")
    advance(rig, view, until="expose.raise-50")
    rig.flags.lose()
    ended = drive(rig.world, view.id, actor="test")
    assert ended.outcome is Outcome.ROLLED_BACK
    assert rig.flags.observe().flags == {"new_basket": Setting(0)}


# Who was late


def test_no_more_is_shown_without_a_live_guard(rig: Rig) -> None:
    view = open_promotion(rig, "1.1.0")
    advance(rig, view, until="expose.raise-5")
    rig.guard_alive = False
    rig.clock.sleep(10)
    with pytest.raises(Halt):
        drive(rig.world, view.id, actor="test")
    assert "no guard is alive" in now(rig, view).why_back
    assert [e for e in rig.effects() if e.family == "flags"] == []


def test_a_rollback_takes_back_what_the_release_had_shown(rig: Rig) -> None:
    from tests.support.operations import roll_back

    promote(rig, "1.1.0")
    assert roll_back(rig).outcome is Outcome.ROLLED_BACK
    assert rig.flags.observe().flags == {"new_basket": Setting(0)}
    assert facts(rig).flags["new_basket"].now == Setting(0)


# Keys that are out of use


def retire(rig: Rig, key: str, person: str = "cat") -> bool:
    return retire_flag(rig.world, key, person=person, reason="the code is gone", actor=person)


def test_a_retired_key_is_refused_in_every_release(rig: Rig) -> None:
    assert retire(rig, "new_basket")
    assert not retire(rig, "new_basket")
    assert rig.flags.observe().retired == {"new_basket"}
    view = promote(rig, "1.1.0")
    assert view.outcome is Outcome.REFUSED
    assert "retired flag new_basket" in view.why_back


def test_a_tombstone_that_only_the_source_has_is_refused_too(rig: Rig) -> None:
    rig.flags.retire("new_basket", Token(9, "another journal"), Because("dan", "gone"))
    assert promote(rig, "1.1.0").outcome is Outcome.REFUSED


def test_what_the_serving_release_asks_for_is_not_retired(rig: Rig) -> None:
    promote(rig, "1.1.0")
    with pytest.raises(Refused, match=r"1\.1\.0, which serves"):
        retire(rig, "new_basket")


def test_no_key_is_retired_while_an_operation_is_open(rig: Rig) -> None:
    open_promotion(rig, "1.1.0")
    with pytest.raises(Refused, match="is open"):
        retire(rig, "old")


def test_who_may_not_retires_nothing(rig: Rig) -> None:
    with pytest.raises(Forbidden):
        retire(rig, "old", person="guard")
    assert facts(rig).retired_flags == frozenset()
