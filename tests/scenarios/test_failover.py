"""Failover: fence or signature first, the writer next, traffic as far as there is room, and what is lost is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.estate import Rig, build
from tests.support.moving import Writers, both_sign, move, moving_policy, open_move, placement, regions, writing
from tests.support.operations import advance, now, open_promotion, open_rollback, promote, settle, small_policy, weights
from tidegate.drivers.token import Token
from tidegate.engine.approve import give_approval, request_approval
from tidegate.engine.execute import run_step
from tidegate.engine.gates import look_at_gate
from tidegate.engine.permission import GUARD
from tidegate.engine.runner import drive
from tidegate.engine.section import run_section
from tidegate.errors import Forbidden, LeaseLost, OutcomeUnknown, Refused, Unreachable
from tidegate.journal.model import EventKind
from tidegate.model.operation import OperationKind, OperationState, Outcome
from tidegate.model.topology import Arm, Slot
from tidegate.model.verdict import Verdict
from tidegate.policy.schema import Roles
from tidegate.report.overview import service_document

AWAY, HOME = OperationKind.FAILOVER, OperationKind.SWITCHOVER
AGAIN = OperationKind.REPROTECT


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    """Synchronous, and on record as such."""
    rig = build(tmp_path, moving_policy(synchronous="block", decide={"then": "act"}))
    assert move(rig, AGAIN).outcome is Outcome.REPROTECTED
    rig.effects_log().clear()
    return rig


@pytest.fixture
def unsynced(tmp_path: Path) -> Rig:
    return build(tmp_path, moving_policy())


@pytest.fixture
def clients(rig: Rig) -> Writers:
    return writing(rig)


def lose(rig: Rig, region: str) -> None:
    """Every process in the region is dead; the switch outside it answers."""
    rig.lose(region)
    rig.database.kill(region)


def found(rig: Rig, region: str) -> None:
    """The region has power again, and its control."""
    rig.compute.faults.lost.pop(region, None)
    rig.users.dark.discard(region)
    rig.database.comes_back(region)
    for slot in Slot:
        if (state := rig.compute.look(Arm(region, slot))).instances:
            rig.compute.force(Arm(region, slot), state.version or "", "sha256:whatever", 0)


def test_a_region_dies_and_the_other_takes_over_asking_nobody(rig: Rig, clients: Writers) -> None:
    rig.clock.sleep(5)
    lose(rig, "east")
    view = move(rig, AWAY)
    assert view.outcome is Outcome.FAILED_OVER
    assert view.requested == {}, "fenced, and on record as having everything: nobody had to be asked"
    assert (rig.database.writers(), regions(rig)) == (("west",), {"east": 0, "west": 10_000})
    where = placement(rig)
    assert where is not None
    assert (where.primary, where.protected, where.away) == ("west", False, True)
    assert clients.most == 1
    assert clients.lost("west") == []
    assert rig.world.journal.verify("shop") == []


def test_traffic_waits_until_the_router_sees_instances_that_have_their_database_back(rig: Rig) -> None:
    """They were without one while people signed; their room is not measured before they are well again."""
    lose(rig, "east")
    view = advance(rig, open_move(rig, AWAY), "cutover.shift")
    arm, back = Arm("west", Slot.A), rig.clock.now() + 5

    def not_seen_yet(_: float) -> None:
        rig.metrics.healthy = {**rig.metrics.healthy, **({arm: 0} if rig.clock.now() < back else {})}

    rig.clock.ticks.append(not_seen_yet)
    not_seen_yet(0)
    run_step(rig.world, view.id, "cutover.shift", actor="test")
    assert regions(rig) == {"east": 0, "west": 10_000}
    assert rig.clock.now() >= back


def test_a_primary_that_came_back_as_a_standby_takes_writes_again_and_nothing_is_lost(
    unsynced: Rig,
) -> None:
    """Its server died and was started again, as a standby as always; or nobody signed for what the other one lacks."""
    rig = unsynced
    clients = writing(rig)
    rig.database.cut("west")
    assert rig.database.write("east", "west has not got this one")
    rig.database.join("west")
    rig.database.crash("east")
    assert rig.database.writers() == ()
    view = move(rig, AWAY, "east")
    assert (view.outcome, view.requested) == (Outcome.FAILED_OVER, {})
    assert rig.database.writers() == ("east",)
    assert clients.lost("east") == []
    assert clients.most == 1
    assert move(rig, AGAIN).outcome is Outcome.REPROTECTED
    assert regions(rig) == {"east": 5000, "west": 5000}


def test_a_region_that_takes_writes_is_not_failed_over_to(rig: Rig) -> None:
    with pytest.raises(Refused, match="a failover goes to the other region"):
        open_move(rig, AWAY, "east")


def test_there_is_a_way_home(rig: Rig, clients: Writers) -> None:
    lose(rig, "east")
    move(rig, AWAY)
    with pytest.raises(Refused, match="does not follow west") as refused:
        open_move(rig, HOME, "east")
    assert "tidegate reprotect shop" in refused.value.next_step
    rig.database.join("east")
    found(rig, "east")
    assert move(rig, AGAIN).outcome is Outcome.REPROTECTED
    assert move(rig, HOME, "east").outcome is Outcome.SWITCHED_OVER
    assert (rig.database.writers(), regions(rig)) == (("east",), {"east": 5000, "west": 5000})
    assert clients.most == 1
    assert clients.lost("east") == []
    assert promote(rig, "1.1.0").outcome is Outcome.PROMOTED


def test_the_old_primary_comes_back_and_finds_itself_fenced(rig: Rig, clients: Writers) -> None:
    lose(rig, "east")
    view = advance(rig, open_move(rig, AWAY), "declare.approve")
    assert not rig.database.comes_back("east", as_writer=True), "its power is off"
    assert drive(rig.world, view.id, actor="test").outcome is Outcome.FAILED_OVER
    assert clients.most == 1


def test_a_frozen_primary_that_thaws_takes_no_write(rig: Rig, clients: Writers) -> None:
    rig.database.freeze("east")
    rig.lose("east")
    view = advance(rig, open_move(rig, AWAY), "cutover.promote")
    rig.database.thaw("east")
    assert drive(rig.world, view.id, actor="test").outcome is Outcome.FAILED_OVER
    rig.database.thaw("east")
    rig.clock.sleep(3)
    assert clients.most == 1


def test_what_may_be_lost_is_shown_and_signed_by_two(unsynced: Rig) -> None:
    rig = unsynced
    lose(rig, "east")
    view = open_move(rig, AWAY)
    run_section(rig.world, view.id, "declare.measure", actor="test")
    assert now(rig, view).verified("declare.fence")
    assert not now(rig, view).verified("declare.approve"), "somebody has to be asked, so the section ends here"
    assert rig.database.writers() == ()
    body = request_approval(rig.world, view.id, "declare.approve", actor="test")
    assert [shown["node"] for shown in body["evidence"]] == ["declare.measure", "declare.fence"]
    digest = view.plan_digest
    give_approval(rig.world, view.id, "declare.approve", person="ann", plan_digest=digest, actor="ann")
    with pytest.raises(Refused, match=r"not show as verified"):
        run_step(rig.world, view.id, "cutover.promote", actor="test")
    give_approval(rig.world, view.id, "declare.approve", person="ben", plan_digest=digest, actor="ben")
    assert drive(rig.world, view.id, actor="test").outcome is Outcome.FAILED_OVER
    assert "NOT KNOWN what is lost" in now(rig, view).node("declare.measure").detail


def test_nobody_answers_and_nothing_is_promoted(unsynced: Rig) -> None:
    unsynced.users.rate = 0
    lose(unsynced, "east")
    ended = move(unsynced, AWAY)
    assert ended.outcome is Outcome.TURNED_BACK
    assert unsynced.database.writers() == ()
    assert unsynced.world.journal.head("shop").lease is None, "it can be asked for again"
    unsynced.users.rate = 40
    assert move(unsynced, AWAY, ask=both_sign(unsynced.world)).outcome is Outcome.FAILED_OVER


def test_without_a_fence_people_are_asked_however_synchronous_it_is(rig: Rig) -> None:
    rig.database.cut("east")
    rig.compute.faults.lost["east"] = Unreachable("cut off")
    view = open_move(rig, AWAY)
    run_section(rig.world, view.id, "declare.measure", actor="test")
    assert "NOT FENCED" in now(rig, view).node("declare.fence").detail
    assert not now(rig, view).verified("declare.approve")
    assert rig.database.writers() == (), "east is cut off, and nothing was promoted"
    assert drive(rig.world, view.id, actor="test", ask=both_sign(rig.world)).outcome is Outcome.FAILED_OVER
    assert "people have signed" in now(rig, view).node("cutover.promote").facts["because"]


def test_a_signature_does_not_make_two_writers(rig: Rig, clients: Writers) -> None:
    """Signed while nothing could be proved; but now the old primary is seen to take writes."""
    rig.database.cut("east")
    view = open_move(rig, AWAY)
    run_section(rig.world, view.id, "declare.measure", actor="test")
    request_approval(rig.world, view.id, "declare.approve", actor="test")
    both_sign(rig.world)(now(rig, view), view.plan.node("declare.approve")[1])  # type: ignore[arg-type]
    rig.database.join("east")
    with pytest.raises(Refused, match="two writers are never made, whoever has signed"):
        run_step(rig.world, view.id, "cutover.promote", actor="test")
    assert clients.most <= 1


def test_one_that_was_started_again_after_its_fence_is_fenced_once_more(rig: Rig, clients: Writers) -> None:
    rig.lose("east")
    rig.database.servers["east"].stop()  # its control says so, and that is the proof
    view = advance(rig, open_move(rig, AWAY), "cutover.promote")
    assert view.facts["declare.fence"]["fenced"]
    rig.database.comes_back("east")
    assert rig.database.fenced("east") is None
    ended = drive(rig.world, view.id, actor="test")
    assert ended.outcome is Outcome.FAILED_OVER
    assert ended.facts["cutover.promote"]["fenced_again"] == "east"
    assert rig.database.fenced("east") is not None
    assert (rig.database.writers(), clients.most) == (("west",), 1)


def test_one_that_cannot_be_fenced_once_more_is_not_promoted_past(rig: Rig) -> None:
    rig.lose("east")
    rig.database.servers["east"].stop()  # its control says so, and that is the proof
    view = advance(rig, open_move(rig, AWAY), "cutover.promote")
    rig.database.comes_back("east")
    rig.database.cut("east")
    with pytest.raises(Refused, match="nothing proves that east takes no writes"):
        run_step(rig.world, view.id, "cutover.promote", actor="test")
    assert "west" not in rig.database.writers()


def test_only_the_database_died_and_what_it_has_is_known(unsynced: Rig) -> None:
    """Its control has started it again as a standby: it takes no writes, and both can be compared."""
    unsynced.database.crash("east")
    view = move(unsynced, AWAY)
    assert view.outcome is Outcome.FAILED_OVER
    assert view.requested == {}, "west has all that east had"


def test_a_promotion_whose_outcome_is_unknown_is_looked_at(rig: Rig) -> None:
    lose(rig, "east")
    rig.database.faults.fail_at("promote_database", OutcomeUnknown("no answer"))
    view = move(rig, AWAY)
    assert view.outcome is Outcome.FAILED_OVER
    assert [e.verb for e in rig.effects() if e.verb == "promote_database"] == ["promote_database"], "once"


def test_no_more_traffic_than_there_is_room_for_at_once(rig: Rig) -> None:
    rig.clock.sleep(20)
    lose(rig, "east")
    view = advance(rig, open_move(rig, AWAY), "verify.writer")
    at_once = regions(rig)["west"]
    assert 8500 < at_once < 9900, "two instances carry 120/s of 130/s"
    assert drive(rig.world, view.id, actor="test").outcome is Outcome.FAILED_OVER
    assert regions(rig)["west"] == 10_000, "three carry all of it"


def test_blind_it_goes_on_by_its_steps_and_says_so(rig: Rig) -> None:
    """What is left is served by nobody: no wait without end for figures that nobody has."""
    rig.clock.sleep(20)
    lose(rig, "east")
    view = advance(rig, open_move(rig, AWAY), "shift.capacity-100")
    assert regions(rig)["west"] < 10_000
    rig.guard_alive = False
    rig.metrics.faults.unreachable = Unreachable("the edge's log is gone")
    rig.clock.sleep(10)
    assert look_at_gate(rig.world, view.id, "shift.capacity-100", actor="test").evidence.verdict is Verdict.NO_DATA
    rig.clock.sleep(10)
    report = look_at_gate(rig.world, view.id, "shift.capacity-100", actor="test")
    assert (report.evidence.verdict, "NOT KNOWN" in report.evidence.why) == (Verdict.PASS, True)
    page = service_document(rig.world.journal, "shop", rig.clock.now())
    assert any("shift.capacity-100 went on without figures: NOT KNOWN" in need for need in page["needs"])
    settle(rig, view, view.plan.node("shift.move-100")[1])
    assert regions(rig)["west"] == 10_000
    rig.clock.sleep(20)
    health = look_at_gate(rig.world, view.id, "shift.health-100", actor="test")
    assert (health.evidence.verdict, "NOT KNOWN" in health.evidence.why) == (Verdict.PASS, True)


def test_a_switchover_never_goes_on_blind(rig: Rig) -> None:
    view = advance(rig, open_move(rig, OperationKind.SWITCHOVER, "west"), "shift.capacity-50")
    rig.guard_alive = False
    rig.metrics.faults.unreachable = Unreachable("the edge's log is gone")
    rig.clock.sleep(50)
    report = look_at_gate(rig.world, view.id, "shift.capacity-50", actor="test")
    assert report.evidence.verdict is Verdict.NO_DATA


def test_the_wrong_target_is_refused_with_the_right_one(rig: Rig) -> None:
    with pytest.raises(Refused, match="writes go to east") as refused:
        open_move(rig, AWAY, "east")
    assert refused.value.next_step == "did you mean --to west?"
    lose(rig, "east")
    with pytest.raises(Refused, match="or went there last"):
        open_move(rig, AWAY, "east")
    lose(rig, "west")
    with pytest.raises(Unreachable, match="nobody could take over"):
        open_move(rig, AWAY)


def test_a_promotion_in_flight_is_superseded_at_once(rig: Rig) -> None:
    lower = advance(rig, open_promotion(rig, "1.1.0"), "wave-2.shift-100")
    lose(rig, "east")
    view = open_move(rig, AWAY)
    closed = now(rig, lower)
    assert (closed.state, closed.outcome) == (OperationState.CLOSED, Outcome.SUPERSEDED)
    (row,) = rig.world.journal.events("shop", operation=lower.id, kinds={EventKind.OPERATION_CLOSED})
    assert [debt["what"] for debt in row.body["debts"]] == ["stop 1.1.0 in east", "stop 1.1.0 in west"]
    with pytest.raises((LeaseLost, Refused)):
        run_step(rig.world, lower.id, "wave-2.shift-100", actor="its worker")
    ended = drive(rig.world, view.id, actor="test")
    assert ended.outcome is Outcome.FAILED_OVER
    assert weights(rig) == {"west-a": 10_000}, "all of it on the stable release"
    found(rig, "east")
    assert move(rig, AGAIN).outcome is Outcome.REPROTECTED
    running = {arm.name for arm in rig.arms() if rig.compute.observe(arm).instances}
    assert running == {"east-a", "west-a"}, "what the promotion had left running is gone"


def test_a_shift_that_was_on_its_way_is_refused(rig: Rig) -> None:
    lower = advance(rig, open_promotion(rig, "1.1.0"), "wave-1.shift-100")
    stale = Token(rig.world.journal.head("shop").epoch, lower.id)
    lose(rig, "east")
    run_section(rig.world, open_move(rig, AWAY).id, "declare.measure", actor="guard")
    split = rig.traffic.observe().split
    assert split is not None
    with pytest.raises(LeaseLost):
        rig.traffic.apply(split, stale)


def test_a_switchover_that_has_moved_the_writer_goes_forward(rig: Rig, clients: Writers) -> None:
    lower = advance(rig, open_move(rig, HOME, "west"), "verify.writer")
    lose(rig, "east")
    with pytest.raises(Refused, match="did you mean --to east"):
        open_move(rig, AWAY, "west")
    assert now(rig, lower).outcome is None


@pytest.mark.parametrize("until", ["shift.move-100", "cutover.fence", "cutover.promote"])
def test_a_switchover_in_flight_is_superseded(rig: Rig, clients: Writers, until: str) -> None:
    lower = advance(rig, open_move(rig, HOME, "west"), until)
    lose(rig, "east")
    view = move(rig, AWAY)
    assert (view.outcome, now(rig, lower).outcome) == (Outcome.FAILED_OVER, Outcome.SUPERSEDED)
    assert rig.database.writers() == ("west",)
    assert view.requested == {}
    assert clients.most == 1
    assert clients.lost("west") == []


def test_a_refused_failover_supersedes_nothing(rig: Rig) -> None:
    lower = advance(rig, open_promotion(rig, "1.1.0"), "wave-1.shift-100")
    with pytest.raises(Refused, match="writes go to east"):
        open_move(rig, AWAY, "east")
    assert now(rig, lower).outcome is None


def test_nothing_supersedes_a_failover(rig: Rig) -> None:
    lose(rig, "east")
    view = advance(rig, open_move(rig, AWAY), "cutover.shift")
    for begin in (lambda: open_move(rig, AWAY, "west"), lambda: open_rollback(rig, None)):
        with pytest.raises(Refused):
            begin()
    assert now(rig, view).outcome is None


def test_who_may(tmp_path: Path) -> None:
    policy = moving_policy().model_copy(update={"roles": Roles(operator=("cat",), approver=("ann", "ben"))})
    rig = build(tmp_path, policy.model_copy(update={"roles": Roles(operator=("dan",), approver=("ann", "ben"))}))
    with pytest.raises(Forbidden, match="cat may not request"):
        open_move(rig, AWAY)


def test_the_guard_may_ask_and_carry_the_section(rig: Rig) -> None:
    from tests.support.moving import PLANNERS
    from tidegate.engine.open import Request, open_operation

    lose(rig, "east")
    plan = PLANNERS[AWAY](rig.world.policy, rig.world.policy_digest)
    view = open_operation(rig.world, Request(AWAY, "alarm-1", GUARD, "east is lost"), plan, actor=GUARD)
    reports = run_section(rig.world, view.id, "declare.measure", actor=GUARD)
    assert [r.node for r in reports] == ["declare.measure", "declare.fence", "cutover.promote", "cutover.shift"]
    assert rig.database.writers() == ("west",)
    assert drive(rig.world, view.id, actor="airflow").outcome is Outcome.FAILED_OVER


def test_a_policy_without_the_section_has_no_failover(tmp_path: Path) -> None:
    from tidegate.engine.open import Request, open_operation
    from tidegate.plan.failover import failover_plan

    rig = build(tmp_path, small_policy())
    plan = failover_plan(moving_policy(), "sha256:policy")
    with pytest.raises(Refused, match="has no failover"):
        open_operation(rig.world, Request(AWAY, "x", "cat", "a test"), plan, actor="test")
