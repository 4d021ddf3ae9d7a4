"""The lost-write ledger: what the old primary alone had is read before it is rewound, and people close each entry."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from tests.support.estate import Rig, build
from tests.support.moving import both_sign, move, moving_policy, open_move, placement
from tests.support.operations import advance, now
from tidegate.checks.model import Status
from tidegate.drivers.token import Token
from tidegate.engine import ledger
from tidegate.engine.execute import run_step
from tidegate.engine.gates import look_at_gate
from tidegate.engine.lost_writes import ledger_of
from tidegate.engine.runner import Halt, drive
from tidegate.engine.view import OperationView
from tidegate.errors import Forbidden, Refused, Unreachable
from tidegate.journal.model import EventKind
from tidegate.model.lost_write import Closed, LedgerState
from tidegate.model.operation import OperationKind, Outcome
from tidegate.model.verdict import Verdict
from tidegate.plan.reprotect import reprotect_plan
from tidegate.policy.schema import Roles

AWAY, HOME, AGAIN = OperationKind.FAILOVER, OperationKind.SWITCHOVER, OperationKind.REPROTECT
WHO = {"person": "cat", "reason": "we have looked", "actor": "cat (account test)"}
LOST = ["order-lost-1", "order-lost-2", "order-lost-3"]


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    """West has not got three rows of east's, east is dead, and two people have signed for the failover."""
    rig = build(tmp_path, moving_policy(ledger={"orders": "id"}))
    rig.database.write("east", "order-kept")
    rig.database.hold("west")
    for row in LOST:
        assert rig.database.write("east", row), "acknowledged: nobody waits for west"
    rig.database.power_off("east")
    rig.compute.faults.lost["east"] = Unreachable("east is lost")
    assert move(rig, AWAY, ask=both_sign(rig.world)).outcome is Outcome.FAILED_OVER
    rig.database.write("west", "order-since")
    rig.compute.faults.lost.clear()
    return rig


def state(rig: Rig) -> LedgerState:
    found = ledger_of(partial(rig.world.journal.events, "shop"))
    assert found is not None
    return found


def waiting(rig: Rig) -> OperationView:
    """A reprotect that has read the ledger, and waits for people."""
    return advance(rig, open_move(rig, AGAIN), "protect.ledger-closed")


def test_the_ledger_is_exactly_what_the_old_primary_alone_had(rig: Rig) -> None:
    assert (state(rig).kept, state(rig).settled) == (False, False)
    waiting(rig)
    shown = ledger.show(rig.world)
    assert [row.key for row in shown.rows] == LOST
    assert (shown.state.entries, shown.state.tables) == (3, {"orders": {"missing": 3}})
    assert "3 of them open" in shown.state.words


def test_the_old_primary_is_not_rewound_while_an_entry_is_open(rig: Rig) -> None:
    view = waiting(rig)
    report = look_at_gate(rig.world, view.id, "protect.ledger-closed", actor="test")
    assert report.evidence.verdict is Verdict.INCONCLUSIVE
    assert "tidegate ledger show shop" in report.evidence.why
    ledger.close(rig.world, (1, 2), Closed.DISCARDED, **WHO)
    report = look_at_gate(rig.world, view.id, "protect.ledger-closed", actor="test")
    assert report.evidence.verdict is Verdict.INCONCLUSIVE
    with pytest.raises(Refused):
        run_step(rig.world, view.id, "protect.database", actor="test")
    assert [row for row in rig.database.servers["east"].rows if row in LOST] == LOST, "the evidence is there"


def test_the_step_itself_refuses_to_destroy_what_nobody_has_read(rig: Rig) -> None:
    """Whatever the plan has in front of it: one that was bound without the ledger's nodes, by a policy that has one."""
    from tidegate.plan.model import Plan, Stage

    whole = reprotect_plan(rig.world.policy, rig.world.policy_digest)
    stages = tuple(
        Stage(s.id, s.title, s.phase, tuple(n for n in s.nodes if not n.id.startswith("protect.ledger")))
        for s in whole.stages
    )
    from tidegate.engine.open import Request, open_operation

    plan = Plan(whole.service, whole.kind, whole.policy_digest, whole.settings, stages)
    view = open_operation(rig.world, Request(AGAIN, "bare", "cat", "a test"), plan, actor="test")
    with pytest.raises(Halt, match="is not rewound"):
        drive(rig.world, view.id, actor="test")
    assert not any(e.verb == "reprotect" for e in rig.effects())


def test_a_switchover_names_the_ledger(rig: Rig) -> None:
    with pytest.raises(Refused, match="a switchover is refused: what east alone had is not read yet") as refused:
        open_move(rig, HOME, "east")
    assert "tidegate reprotect shop" in refused.value.next_step


def test_closed_each_way_the_data_is_checked_and_the_way_home_is_free(rig: Rig) -> None:
    view = waiting(rig)
    runs = rig.checks.runs
    assert [one.done for one in ledger.reapply(rig.world, (1,), **WHO)] == [True]
    assert ledger.close(rig.world, (2,), Closed.SUPERSEDED, **WHO) == (2,)
    assert ledger.close(rig.world, (), Closed.DISCARDED, **WHO) == (3,)
    assert state(rig).settled
    assert drive(rig.world, view.id, actor="test").outcome is Outcome.REPROTECTED
    assert rig.checks.runs > runs, "the data checks ran"
    assert now(rig, view).verified("protect.ledger-data")
    assert rig.database.servers["east"].rows == ["order-kept", "order-since", "order-lost-1"]
    rows = rig.world.journal.events("shop", kinds={EventKind.LEDGER_CLOSED})
    assert [(r.body["how"], r.body["numbers"], r.body["person"], r.body["why"]) for r in rows] == [
        ("reapplied", [1], "cat", "we have looked"),
        ("superseded", [2], "cat", "we have looked"),
        ("discarded", [3], "cat", "we have looked"),
    ]
    assert move(rig, HOME, "east").outcome is Outcome.SWITCHED_OVER
    where = placement(rig)
    assert where is not None and not where.away


def test_data_that_is_not_whole_keeps_the_old_primary_as_it_is(rig: Rig) -> None:
    view = waiting(rig)
    ledger.close(rig.world, (), Closed.DISCARDED, **WHO)
    rig.checks.status["totals_are_equal"] = Status.VIOLATED
    with pytest.raises(Halt):
        drive(rig.world, view.id, actor="test")
    assert not any(e.verb == "reprotect" for e in rig.effects())


def test_reapplied_twice_is_once(rig: Rig) -> None:
    waiting(rig)
    ledger.reapply(rig.world, (1,), **WHO)
    assert ledger.reapply(rig.world, (1,), **WHO) == (), "it is closed"
    name = state(rig).ledger
    again = rig.database.reapply(
        name, 1, Token(rig.world.journal.head("shop").epoch, name)
    )  # a call whose answer was lost
    assert (again.done, rig.database.servers["west"].rows.count("order-lost-1")) == (True, 1)


def test_a_conflict_is_shown_and_stays_open(rig: Rig) -> None:
    waiting(rig)
    rig.database.taken.add("order-lost-2")
    found = ledger.reapply(rig.world, (), **WHO)
    assert [(one.number, one.done) for one in found] == [(1, True), (2, False), (3, True)]
    assert "another row" in found[1].conflict
    assert state(rig).open == (2,)


def test_who_goes_on_without_what_cannot_be_read_says_so(rig: Rig) -> None:
    found = ledger.give_up(rig.world, **WHO)
    assert found.settled and "unreadable" in found.words
    view = move(rig, AGAIN)
    assert view.outcome is Outcome.REPROTECTED
    assert now(rig, view).node("protect.ledger-closed").nothing_to_do


def test_what_was_read_is_not_unreadable(rig: Rig) -> None:
    waiting(rig)
    with pytest.raises(Refused, match="east was read"):
        ledger.give_up(rig.world, **WHO)


def test_an_old_primary_that_does_not_answer_is_waited_for(rig: Rig) -> None:
    view = advance(rig, open_move(rig, AGAIN), "protect.ledger")
    rig.database.cut("east")
    with pytest.raises(Unreachable):
        run_step(rig.world, view.id, "protect.ledger", actor="test")
    rig.database.join("east")
    run_step(rig.world, view.id, "protect.ledger", actor="test")
    assert state(rig).entries == 3


def test_nothing_is_closed_before_it_is_read_and_by_nobody_who_may_not(rig: Rig) -> None:
    with pytest.raises(Refused, match="no entry to close"):
        ledger.close(rig.world, (), Closed.DISCARDED, **WHO)
    waiting(rig)
    with pytest.raises(Refused, match="no entry 9"):
        ledger.close(rig.world, (9,), Closed.DISCARDED, **WHO)
    policy = rig.world.policy.model_copy(update={"roles": Roles(operator=("dan",), approver=("ann", "ben"))})
    object.__setattr__(rig.world, "policy", policy)
    for call in (
        lambda: ledger.close(rig.world, (1,), Closed.DISCARDED, **WHO),
        lambda: ledger.reapply(rig.world, (1,), **WHO),
    ):
        with pytest.raises(Forbidden, match="cat may not"):
            call()
    assert state(rig).open == (1, 2, 3)


def test_a_failover_that_loses_nothing_owes_no_ledger(tmp_path: Path) -> None:
    rig = build(tmp_path, moving_policy(synchronous="block", decide={"then": "act"}, ledger={"orders": "id"}))
    move(rig, AGAIN)
    rig.database.crash("east")
    assert move(rig, AWAY).outcome is Outcome.FAILED_OVER
    assert ledger_of(partial(rig.world.journal.events, "shop")) is None
    view = move(rig, AGAIN)
    assert view.outcome is Outcome.REPROTECTED
    assert now(rig, view).node("protect.ledger-data").nothing_to_do


def test_without_tables_the_plan_is_as_it_was(tmp_path: Path) -> None:
    bare = reprotect_plan(moving_policy(), "sha256:policy")
    assert "ledger" not in bare.settings["failover"]
    assert not any("ledger" in node.id for _, node in bare.nodes())
    asked = [node.id for _, node in reprotect_plan(moving_policy(ledger={"orders": "id"}), "sha256:policy").nodes()]
    assert asked[2:6] == ["protect.ledger", "protect.ledger-closed", "protect.ledger-data", "protect.database"]
