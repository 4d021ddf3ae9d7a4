"""A failover whose target has too little room: as many are served as it carries, the rest is told to come again."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.estate import Rig, build
from tests.support.moving import move, moving_policy, open_move, placement, regions
from tests.support.operations import advance, now, settle
from tidegate.drivers.flags.contract import Because
from tidegate.drivers.token import Token
from tidegate.engine.gates import look_at_gate
from tidegate.engine.runner import drive
from tidegate.engine.section import run_section
from tidegate.errors import Refused, Unreachable
from tidegate.journal.model import EventKind
from tidegate.model.admission import EVERYBODY
from tidegate.model.flags import NEVER_SET, Setting
from tidegate.model.operation import OperationKind, Outcome
from tidegate.model.topology import Arm, Slot
from tidegate.model.verdict import Verdict
from tidegate.policy.schema import Policy

AWAY, AGAIN = OperationKind.FAILOVER, OperationKind.REPROTECT
WEST = Arm("west", Slot.A)
SHOWN = Setting(10_000, default=True)


def staged(**changes: object) -> Policy:
    """Two instances of 15/s carry less than half of 64/s; five carry all of it."""
    admission = {"steps": ["50%", "75%", "100%"], "degrade": ["recommendations", "new_basket"], **changes}
    policy = moving_policy(synchronous="block", instances=5, admission=admission)
    capacity = policy.capacity.model_copy(update={"per_instance": 15.0})
    return policy.model_copy(update={"capacity": capacity})


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    rig = build(tmp_path, staged())
    rig.users.rate = 65
    assert move(rig, AGAIN).outcome is Outcome.REPROTECTED
    show(rig, "recommendations", "new_basket")
    rig.clock.sleep(8)
    rig.effects_log().clear()
    return rig


def show(rig: Rig, *keys: str) -> None:
    """As a promotion leaves them: shown to everybody, and on record."""
    rig.flags.apply(
        dict.fromkeys(keys, SHOWN), Token(rig.world.journal.head("shop").epoch, "before"), Because("cat", "a test")
    )
    rows = {key: {"now": SHOWN.to_json(), "before": NEVER_SET.to_json()} for key in keys}
    body = {"flags": rows, "version": "1.0.0", "by": "cat", "why": "a test"}
    with rig.world.journal.locked("shop") as txn:
        txn.append(EventKind.FLAGS_SET, body, actor="cat")


def lose(rig: Rig) -> None:
    rig.lose("east")
    rig.database.kill("east")


def admitted(rig: Rig) -> int:
    return rig.traffic.observe().admission.admitted


def on(rig: Rig) -> list[str]:
    return sorted(key for key, setting in rig.flags.observe().flags.items() if setting == SHOWN)


def notes(rig: Rig, operation: str) -> list[str]:
    return [e.body["what"] for e in rig.world.journal.events("shop", operation=operation, kinds={EventKind.NOTE})]


def test_as_many_are_served_at_once_as_the_target_carries(rig: Rig) -> None:
    lose(rig)
    view = open_move(rig, AWAY)
    reports = run_section(rig.world, view.id, "declare.measure", actor="guard")
    assert [r.node for r in reports][-3:] == ["cutover.promote", "cutover.shift", "cutover.degrade"]
    assert regions(rig) == {"east": 0, "west": 10_000}, "all of the traffic goes to the region that is left"
    assert 4000 < admitted(rig) < 5200, "two instances carry 30/s of 64/s"
    assert rig.traffic.observe().admission.retry_after == 5
    assert on(rig) == [], "what can be done without goes first"
    (write,) = [e for e in rig.effects() if e.family == "traffic"]
    assert write.detail["admission"], "there was a moment in which everybody was sent there"


def test_who_is_admitted_stays_so_and_the_target_is_never_overrun(rig: Rig) -> None:
    lose(rig)
    view = open_move(rig, AWAY)
    seen: list[int] = []
    loads: list[tuple[float, float]] = []
    rig.clock.ticks.append(lambda _: seen.append(admitted(rig)) if regions(rig)["east"] == 0 else None)
    rig.clock.ticks.append(lambda _: loads.append((served(rig), healthy(rig) * 15)))
    assert drive(rig.world, view.id, actor="test").outcome is Outcome.FAILED_OVER
    assert seen == sorted(seen), "somebody was turned away again"
    assert len(set(seen)) >= 3, f"not by stages: {sorted(set(seen))}"
    assert rig.traffic.observe().admission == EVERYBODY
    assert max(load - limit for load, limit in loads) <= 15, "far more than it carries"
    where = placement(rig)
    assert where is not None
    assert where.primary == "west"


def served(rig: Rig) -> float:
    """Of the sessions that are live now, what is admitted, in requests per second."""
    live = rig.users._live
    if regions(rig)["east"]:
        return 0.0
    return rig.users.rate * sum(rig.traffic.admits(s) for s in live) / len(live)


def healthy(rig: Rig) -> int:
    return sum(i.healthy for i in rig.compute.look(WEST).instances)


def test_features_come_back_last_each_behind_the_health_of_its_users(rig: Rig) -> None:
    lose(rig)
    view = advance(rig, open_move(rig, AWAY), "features.back-new_basket")
    assert rig.traffic.observe().admission == EVERYBODY
    assert on(rig) == []
    settle(rig, view, view.plan.node("features.back-new_basket")[1])
    assert on(rig) == ["new_basket"], "the last that was named comes back first"
    report = look_at_gate(rig.world, view.id, "features.health-new_basket", actor="test")
    assert report.evidence.verdict is not Verdict.PASS, "nobody has used it yet"
    assert drive(rig.world, view.id, actor="test").outcome is Outcome.FAILED_OVER
    assert on(rig) == ["new_basket", "recommendations"]


def test_how_a_feature_stood_is_in_the_journal_like_every_write_of_a_flag(rig: Rig) -> None:
    lose(rig)
    view = move(rig, AWAY)
    rows = rig.world.journal.events("shop", operation=view.id, kinds={EventKind.FLAGS_SET})
    said = [{key: row["now"]["exposed"] for key, row in e.body["flags"].items()} for e in rows]
    assert said == [{"new_basket": 0}, {"recommendations": 0}, {"new_basket": 10_000}, {"recommendations": 10_000}]
    assert {e.body["by"] for e in rows} == {"cat"}


def test_a_target_with_room_admits_everybody_at_once_and_switches_nothing_off(tmp_path: Path) -> None:
    rig = build(tmp_path, staged())
    assert move(rig, AGAIN).outcome is Outcome.REPROTECTED
    rig.users.rate = 20
    rig.clock.sleep(8)
    lose(rig)
    view = move(rig, AWAY)
    assert view.outcome is Outcome.FAILED_OVER
    assert view.node("cutover.degrade").nothing_to_do
    assert view.node("admission.step-50").nothing_to_do
    assert "at once" in view.node("features.health-new_basket").detail
    assert admitted(rig) == 10_000


def test_no_more_are_admitted_than_there_is_room_for(rig: Rig) -> None:
    lose(rig)
    view = advance(rig, open_move(rig, AWAY), "admission.room-75")
    for number in range(1, 5):
        rig.compute.kill(WEST, number)
    rig.clock.sleep(10)
    report = look_at_gate(rig.world, view.id, "admission.room-75", actor="test")
    assert (report.evidence.verdict, report.final) == (Verdict.INCONCLUSIVE, False), report.evidence.why
    assert "requests turned away so far" in report.evidence.why
    rig.clock.at += 100
    assert look_at_gate(rig.world, view.id, "admission.room-75", actor="test").final, "it waits without end"
    assert admitted(rig) <= 5200


def test_what_is_counted_is_of_after_the_last_step(rig: Rig) -> None:
    lose(rig)
    view = advance(rig, open_move(rig, AWAY), "admission.room-50")
    rig.clock.sleep(1)
    report = look_at_gate(rig.world, view.id, "admission.room-50", actor="test")
    assert report.evidence.verdict is Verdict.INCONCLUSIVE
    assert "being counted" in report.evidence.why


def test_blind_it_goes_on_in_smaller_steps_and_says_so(rig: Rig) -> None:
    lose(rig)
    view = advance(rig, open_move(rig, AWAY), "admission.room-50")
    before = admitted(rig)
    rig.guard_alive = False
    rig.metrics.faults.unreachable = Unreachable("the edge's log is gone")
    rig.clock.sleep(10)
    assert look_at_gate(rig.world, view.id, "admission.room-50", actor="test").evidence.verdict is Verdict.NO_DATA
    rig.clock.sleep(10)
    report = look_at_gate(rig.world, view.id, "admission.room-50", actor="test")
    assert (report.evidence.verdict, "NOT KNOWN" in report.evidence.why) == (Verdict.PASS, True)
    settle(rig, view, view.plan.node("admission.step-50")[1])
    assert admitted(rig) == (before + 5000) // 2, "half of the way"
    assert "admission went on blind" in notes(rig, view.id)


def test_nobody_admits_everybody_blind(rig: Rig) -> None:
    lose(rig)
    view = advance(rig, open_move(rig, AWAY), "admission.room-100")
    rig.guard_alive = False
    rig.metrics.faults.unreachable = Unreachable("the edge's log is gone")
    rig.clock.sleep(40)
    report = look_at_gate(rig.world, view.id, "admission.room-100", actor="test")
    assert report.evidence.verdict is Verdict.NO_DATA
    rig.clock.sleep(40)
    assert look_at_gate(rig.world, view.id, "admission.room-100", actor="test").final
    assert admitted(rig) == 7500


def test_blind_at_the_cutover_it_admits_the_first_part(rig: Rig) -> None:
    rig.guard_alive = False
    rig.clock.sleep(5)
    rig.metrics.faults.unreachable = Unreachable("the edge's log is gone")
    lose(rig)
    view = open_move(rig, AWAY)
    run_section(rig.world, view.id, "declare.measure", actor="guard")
    assert admitted(rig) == 5000
    assert notes(rig, view.id) == ["admission went on blind"]


def test_flags_that_cannot_be_written_stop_no_failover(rig: Rig) -> None:
    lose(rig)
    rig.flags.faults.unreachable = Unreachable("the source of flags is gone")
    view = advance(rig, open_move(rig, AWAY), "verify.writer")
    assert "STILL ON" in now(rig, view).node("cutover.degrade").detail
    assert notes(rig, view.id) == ["features could not be switched off"]
    rig.flags.faults.unreachable = None
    assert drive(rig.world, view.id, actor="test").outcome is Outcome.FAILED_OVER
    assert on(rig) == ["new_basket", "recommendations"]


def test_a_flag_that_somebody_set_meanwhile_is_left_alone(rig: Rig) -> None:
    lose(rig)
    view = advance(rig, open_move(rig, AWAY), "features.back-new_basket")
    mine, token = Setting(2500), Token(rig.world.journal.head("shop").epoch, "somebody")
    rig.flags.apply({"new_basket": mine}, token, Because("dan", "a customer asked"))
    assert drive(rig.world, view.id, actor="test").outcome is Outcome.FAILED_OVER
    assert rig.flags.observe().flags["new_basket"] == mine
    assert "left alone" in now(rig, view).node("features.back-new_basket").detail


def test_a_foreign_hand_on_the_router_is_not_overwritten(rig: Rig) -> None:
    from tidegate.model.traffic import canary_split

    lose(rig)
    view = advance(rig, open_move(rig, AWAY), "admission.step-50")
    rig.traffic.force(canary_split({"east": 0, "west": 10_000}, Slot.B, {}), rig.traffic.observe().epoch)
    with pytest.raises(Refused, match="changed by someone else"):
        settle(rig, view, view.plan.node("admission.step-50")[1])


@pytest.mark.parametrize("node", ["cutover.shift", "cutover.degrade", "admission.step-75", "features.back-new_basket"])
@pytest.mark.parametrize("when", ["before_effect", "after_effect"])
def test_killed_at_either_side_of_an_effect_it_ends_the_same(rig: Rig, node: str, when: str) -> None:
    class Killed(BaseException):
        """As SIGKILL: nobody catches it."""

    lose(rig)
    view = advance(rig, open_move(rig, AWAY), node)
    world = rig.traffic.world

    def kill(_: object) -> None:
        setattr(world, when, lambda _: None)
        raise Killed

    setattr(world, when, kill)
    with pytest.raises(Killed):
        settle(rig, view, view.plan.node(node)[1])
    assert drive(rig.world, view.id, actor="another").outcome is Outcome.FAILED_OVER
    assert admitted(rig) == 10_000
    assert on(rig) == ["new_basket", "recommendations"]
    assert rig.world.journal.verify("shop") == []


def test_refused_requests_are_nobodys_failure(rig: Rig) -> None:
    lose(rig)
    view = advance(rig, open_move(rig, AWAY), "scale.target")
    before = rig.metrics.counters()
    rig.clock.sleep(5)
    after = rig.metrics.counters()
    assert after.refused - before.refused > 100
    assert after.errors[WEST] - before.errors[WEST] <= 5
    assert not now(rig, view).failures


def test_where_only_the_database_moves_everybody_goes_on_being_served(rig: Rig) -> None:
    rig.database.kill("east")
    before = regions(rig)
    view = open_move(rig, AWAY, "west", only="database")
    assert drive(rig.world, view.id, actor="test").outcome is Outcome.FAILED_OVER
    assert (regions(rig), admitted(rig)) == (before, 10_000)
    assert on(rig) == ["new_basket", "recommendations"], "there is room for everybody"
    assert not [e for e in rig.effects() if e.family in ("traffic", "flags")]
