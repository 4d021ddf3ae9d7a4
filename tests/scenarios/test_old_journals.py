"""Journals that older code has written: today's code reads them, and carries on what was open.

How they were made: ``tests/corpus/make.py``.
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.estate import Rig
from tests.support.old_estate import CORPUS, old_journal, old_rig
from tests.support.operations import weights
from tidegate.engine.approve import give_approval
from tidegate.engine.facts import FACT_KINDS, fold_facts
from tidegate.engine.runner import drive
from tidegate.engine.view import OperationView, fold_operation, require
from tidegate.errors import JournalError
from tidegate.guard.hearing import CHECKPOINT
from tidegate.journal.model import EventKind
from tidegate.model.operation import OperationState, Outcome
from tidegate.plan.model import ApprovalNode

KEPT = sorted(path.parent for path in CORPUS.glob("*/*/estate.json"))
ON_A, ON_B = {"east-a": 5000, "west-a": 5000}, {"east-b": 5000, "west-b": 5000}


@dataclass(frozen=True)
class End:
    """How a case ends, today: the last operation's outcome, where the traffic is, and the stable release."""

    outcome: Outcome
    weights: dict[str, int]
    stable: str


PROMOTED = End(Outcome.PROMOTED, ON_B, "1.1.0")
TAKEN_BACK = End(Outcome.ROLLED_BACK, ON_A, "1.0.0")
ENDS = {
    "promoted": PROMOTED,
    "caught": TAKEN_BACK,
    "rolled-back": TAKEN_BACK,
    "open-before-anything": PROMOTED,
    "open-mid-canary": PROMOTED,
    "open-shift-intended": PROMOTED,
    "open-awaiting-approval": PROMOTED,
    "open-approved": PROMOTED,
    "open-stop-declared": TAKEN_BACK,
    "open-stopped": TAKEN_BACK,
    "open-certified": PROMOTED,
    "open-rollback": TAKEN_BACK,
}


def name(kept: Path) -> str:
    return f"{kept.parent.name}-{kept.name}"


def last_operation(journal: Any) -> OperationView:
    opened = journal.events("shop", kinds={EventKind.OPERATION_OPENED})[-1].operation
    return require(fold_operation(journal.events("shop", operation=opened)), opened)


def stable(journal: Any) -> str:
    facts = fold_facts(journal.events("shop", kinds=FACT_KINDS))
    assert facts.stable is not None
    return facts.stable.version


def ask_ann(rig: Rig):
    def ask(view: OperationView, node: ApprovalNode) -> None:
        give_approval(rig.world, view.id, node.id, person="ann", plan_digest=view.plan_digest, actor="new")

    return ask


def test_every_case_that_is_expected_is_kept() -> None:
    assert {kept.name for kept in KEPT} == set(ENDS)


@pytest.mark.parametrize("kept", KEPT, ids=name)
def test_it_verifies_and_replays(kept: Path, tmp_path: Path) -> None:
    journal = old_journal(kept, tmp_path)
    assert journal.verify() == []
    view = last_operation(journal)
    assert (view.state is not OperationState.CLOSED) == kept.name.startswith("open-")
    assert view.plan.digest == view.plan_digest, "the bound plan reads back as the one that was written"
    if view.state is OperationState.CLOSED:
        assert (view.outcome, stable(journal)) == (ENDS[kept.name].outcome, ENDS[kept.name].stable)


@pytest.mark.parametrize("kept", [k for k in KEPT if k.name.startswith("open-")], ids=name)
def test_what_the_old_code_began_the_new_code_ends(kept: Path, tmp_path: Path) -> None:
    rig = old_rig(kept, tmp_path)
    begun = last_operation(rig.world.journal)
    done = {node for node, state in begun.nodes.items() if state.status == "verified"}
    ended = drive(rig.world, begun.id, actor="new", ask=ask_ann(rig))
    seen = End(ended.outcome, weights(rig), stable(rig.world.journal))  # type: ignore[arg-type]
    assert seen == ENDS[kept.name], ended.why_back
    assert ended.plan_digest == begun.plan_digest
    assert rig.world.journal.verify("shop") == []
    again = rig.world.journal.events("shop", operation=begun.id, kinds={EventKind.STEP_INTENDED}, after=begun.last_seq)
    assert not done & {event.body["node"] for event in again}, "a step that the old code had verified is done again"


@pytest.mark.parametrize("kept", [k for k in KEPT if k.name == "promoted"], ids=name)
def test_a_row_of_the_future_is_told(kept: Path, tmp_path: Path) -> None:
    """Going back to older code is not supported, and says so instead of guessing."""
    journal = old_journal(kept, tmp_path)
    assert journal.file is not None
    with sqlite3.connect(journal.file) as connection:
        connection.execute("DROP TRIGGER events_no_update")
        connection.execute("UPDATE events SET kind = 'of_the_future' WHERE seq = (SELECT max(seq) FROM events)")
    with pytest.raises(JournalError, match="newer Tidegate"):
        journal.events("shop")
    (finding,) = journal.verify()
    assert finding.seq == journal.head("shop").seq


def test_a_checkpoint_of_another_version_makes_the_judge_begin_anew(tmp_path: Path) -> None:
    rig = old_rig(CORPUS / "part-1" / "open-mid-canary", tmp_path)
    begun = last_operation(rig.world.journal)
    saved = rig.world.journal.evidence("shop", begun.id, CHECKPOINT)
    assert saved is not None
    saved["judge"] = json.dumps({**json.loads(saved["judge"]), "version": 99})
    rig.world.journal.put_evidence("shop", begun.id, CHECKPOINT, saved)
    assert drive(rig.world, begun.id, actor="new").outcome is Outcome.PROMOTED
