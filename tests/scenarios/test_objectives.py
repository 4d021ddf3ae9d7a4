"""RTO and RPO of real moves on the memory estate: measured, shown while they run, kept once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.estate import Rig, build
from tests.support.losing import Eyed
from tests.support.moving import both_sign, move, moving_policy, open_move, writing
from tidegate.engine.approve import request_approval
from tidegate.engine.close import close_operation
from tidegate.engine.objectives import RTO_MISSED, kept, note_rto, recovery_of
from tidegate.engine.runner import drive
from tidegate.engine.section import run_section
from tidegate.engine.view import OperationView, fold_operation
from tidegate.guard.replication_watch import ReplicationWatch
from tidegate.journal.model import EventKind
from tidegate.journal.transaction import Transaction
from tidegate.model.operation import OperationKind, Outcome
from tidegate.model.recovery import Recovery
from tidegate.policy.schema import Policy
from tidegate.report.document import operation_document
from tidegate.report.objectives import stage_words
from tidegate.report.page import operation_body
from tidegate.workflow.approval_body import approval_body

AWAY, HOME = OperationKind.FAILOVER, OperationKind.SWITCHOVER


def policy(rto: float = 60.0, rpo: float = 5.0, **changes: Any) -> Policy:
    plain = moving_policy(**changes)
    return plain.model_copy(update={"objectives": plain.objectives.model_copy(update={"rto": rto, "rpo": rpo})})


def now(rig: Rig, operation: str) -> OperationView:
    view = fold_operation(rig.world.journal.events("shop", operation=operation))
    assert view is not None
    return view


def measured(rig: Rig, operation: str) -> Recovery:
    found = recovery_of(rig.world.journal, now(rig, operation), rig.clock.now())
    assert found is not None
    return found


def test_a_failover_by_the_guard_is_measured_from_the_first_failing_probe_and_kept_once(tmp_path: Path) -> None:
    rig = build(tmp_path, policy(synchronous="block", decide={"then": "act"}))
    assert move(rig, OperationKind.REPROTECT).outcome is Outcome.REPROTECTED
    it = Eyed(rig)
    rig.clock.sleep(5)
    began = rig.clock.now()
    it.lose("east")
    while not it.waiting:
        rig.clock.sleep(0.25)
    it.act()
    (operation,) = it.failovers()
    assert drive(rig.world, operation, actor="airflow").outcome is Outcome.FAILED_OVER
    close_operation(rig.world, operation, actor="again")
    ((row, found),) = kept(rig.world.journal, "shop")
    assert (row.operation, found.proved, found.rto_met, found.rpo_met) == (operation, True, True, True)
    assert 0 <= found.began - began <= 0.5
    assert found.loss.nothing
    assert [s.name for s in found.stages] == ["detect", "decide", "human wait", "act", "verify", "restore"]
    assert found.green is not None and found.green >= found.gone, "the vantage points see west take writes"
    assert "alarms green again after" in stage_words(found)
    assert found == measured(rig, operation), "what is kept is what the rows tell"
    rows = rig.world.journal.events("shop", operation=operation)
    assert [r.kind for r in rows[-2:]] == [EventKind.OBJECTIVES_MEASURED, EventKind.OPERATION_CLOSED]
    assert rig.world.journal.verify("shop") == []


def test_a_crash_while_it_is_closed_keeps_nothing_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rig = build(tmp_path, policy(synchronous="block"))
    whole = Transaction.append

    def dies(self: Transaction, kind: EventKind, body: Mapping[str, Any], **rest: Any) -> Any:
        if kind is EventKind.OPERATION_CLOSED:
            raise RuntimeError("the process is gone")
        return whole(self, kind, body, **rest)

    view = open_move(rig, HOME, "west")
    monkeypatch.setattr(Transaction, "append", dies)
    with pytest.raises(RuntimeError):
        drive(rig.world, view.id, actor="test")
    assert kept(rig.world.journal, "shop") == []
    monkeypatch.setattr(Transaction, "append", whole)
    assert drive(rig.world, view.id, actor="test").outcome is Outcome.SWITCHED_OVER
    ((_, found),) = kept(rig.world.journal, "shop")
    assert (found.kind, found.proved, found.loss.nothing) == ("switchover", True, True)


def test_what_changed_nothing_is_not_measured(tmp_path: Path) -> None:
    rig = build(tmp_path, policy())
    rig.database.hold("west")
    rig.database.servers["west"].lag = None
    assert move(rig, HOME, "west").outcome is Outcome.REFUSED
    assert kept(rig.world.journal, "shop") == []


def test_the_second_one_is_forecast_by_the_first(tmp_path: Path) -> None:
    rig = build(tmp_path, policy(synchronous="block"))
    first = move(rig, HOME, "west")
    view = open_move(rig, HOME, "east")
    found = measured(rig, view.id)
    assert found.forecast_by == "the median of 1 before it"
    assert found.forecast == pytest.approx(measured(rig, first.id).gone, abs=0.5)


def lossy(tmp_path: Path, **changes: Any) -> tuple[Rig, OperationView]:
    """A failover that waits for two people."""
    rig = build(tmp_path, policy(**changes))
    rig.users.rate = 12.0
    rig.lose("east")
    rig.database.kill("east")
    view = open_move(rig, AWAY)
    run_section(rig.world, view.id, "declare.measure", actor="test")
    assert not now(rig, view.id).verified("declare.approve")
    return rig, view


def test_that_the_rto_is_over_is_said_once_while_users_are_without_it(tmp_path: Path) -> None:
    rig, view = lossy(tmp_path, rto=8.0)
    rig.clock.ticks.clear()  # no guard
    assert note_rto(rig.world, now(rig, view.id), "guard") == ""
    rig.clock.sleep(9)
    words = note_rto(rig.world, now(rig, view.id), "airflow")
    assert "the RTO of 8 s is over, and shop is not back" in words
    assert note_rto(rig.world, now(rig, view.id), "guard") == ""
    assert notes(rig, view) == [words]


def notes(rig: Rig, view: OperationView) -> list[str]:
    rows = rig.world.journal.events("shop", operation=view.id, kinds={EventKind.NOTE})
    return [str(row.body["why"]) for row in rows if row.body["what"] == RTO_MISSED]


def test_the_guard_says_it_where_airflow_is_away(tmp_path: Path) -> None:
    rig, view = lossy(tmp_path, rto=8.0)
    rig.clock.sleep(30)
    (words,) = notes(rig, view)
    assert "the RTO of 8 s is over, and shop is not back" in words


def test_nothing_is_said_of_one_that_is_back_in_time(tmp_path: Path) -> None:
    rig, view = lossy(tmp_path, rto=8.0)
    assert drive(rig.world, view.id, actor="test", ask=both_sign(rig.world)).outcome is Outcome.FAILED_OVER
    rig.clock.sleep(30)
    assert notes(rig, view) == []


def test_page_and_document_show_the_stages_against_the_target(tmp_path: Path) -> None:
    rig, view = lossy(tmp_path)
    document = operation_document(rig.world.journal, "shop", view.id, rig.clock.now())
    assert document["objectives"]["rto_words"].startswith("RTO 60 s: ")
    assert "forecast" in document["objectives"]["rto_words"]
    body = str(operation_body(document))
    assert 'id="objectives"' in body
    assert 'aria-label="act: ' in body and "of 60 s" in body
    assert drive(rig.world, view.id, actor="test", ask=both_sign(rig.world)).outcome is Outcome.FAILED_OVER
    ended = operation_document(rig.world.journal, "shop", view.id, rig.clock.now())
    assert ended["objectives"]["rto_words"].startswith("RTO met: ")
    assert "forecast" not in str(operation_body(ended))


def test_what_a_dead_primary_had_is_measured_by_what_it_was_seen_to_write(tmp_path: Path) -> None:
    """West receives nothing for three seconds, then east dies: bytes at least, seconds at most, before any yes."""
    rig = build(tmp_path, policy(rpo=2.0))
    rig.users.rate = 12.0
    writing(rig)
    watch = ReplicationWatch(rig.world)
    rig.clock.sleep(2)
    watch.look()
    rig.database.hold("west")
    for _ in range(3):
        rig.clock.sleep(1)
        watch.look()
    rig.lose("east")
    rig.database.kill("east")
    rig.clock.sleep(0.5)
    ReplicationWatch(rig.world).look()  # another guard goes on from what the first one has left
    view = open_move(rig, AWAY)
    run_section(rig.world, view.id, "declare.measure", actor="test")
    found = measured(rig, view.id)
    lacks = rig.database.servers["east"].written - (rig.database.servers["west"].written)
    assert found.loss.bytes is not None and found.loss.seconds is not None
    assert 0 < found.loss.bytes <= lacks, "at least"
    assert 3.0 <= found.loss.seconds <= 4.0, "at most: since west was last seen to have all"
    assert (found.loss.exact, found.rpo_met) == (False, False)
    words = now(rig, view.id).node("declare.measure").detail
    assert f"at least {found.loss.bytes} bytes, written in the last {found.loss.seconds:.1f} s at most" in words
    assert "2 of 2 instances there answer" in words
    body = request_approval(rig.world, view.id, "declare.approve", actor="test")
    shown = approval_body(rig.world, now(rig, view.id), "declare.approve", body)
    assert "**`THE LOSS MAY BE LARGER THAN THE RPO of 2 s" in shown
    assert "- `RTO 60 s: " in shown and words.replace("`", "'") in shown
