"""The way home waits until what was sent before cannot arrive any more."""

from __future__ import annotations

from pathlib import Path

from tests.support.estate import build
from tests.support.moving import move, moving_policy
from tidegate.engine.flights import LONGEST
from tidegate.journal.model import EventKind
from tidegate.model.operation import OperationKind, Outcome


def test_a_switchover_waits_for_an_older_command_that_was_not_answered(tmp_path: Path) -> None:
    rig = build(tmp_path, moving_policy())
    rig.users.rate = 12.0
    with rig.world.journal.locked("shop") as txn:
        body = {"node": "declare.fence"}
        txn.append(EventKind.STEP_INTENDED, body, actor="asleep", operation="older", epoch=txn.raise_epoch())
    began = rig.clock.now()
    done = move(rig, OperationKind.SWITCHOVER, "west")
    assert done.outcome is Outcome.SWITCHED_OVER
    rows = rig.world.journal.events("shop", operation=done.id, kinds={EventKind.STEP_INTENDED})
    quiesced = next(row.at for row in rows if row.body["node"] == "cutover.quiesce")
    assert quiesced - began >= LONGEST


def test_one_that_was_answered_is_not_waited_for(tmp_path: Path) -> None:
    rig = build(tmp_path, moving_policy())
    rig.users.rate = 12.0
    there = move(rig, OperationKind.SWITCHOVER, "west")
    home = move(rig, OperationKind.SWITCHOVER, "east")
    assert (there.outcome, home.outcome) == (Outcome.SWITCHED_OVER,) * 2
    gate = home.node("admit.replication")
    assert gate.status == "verified" and "streams" in gate.detail
    assert gate.at is not None and gate.at - home.opened_at < LONGEST
