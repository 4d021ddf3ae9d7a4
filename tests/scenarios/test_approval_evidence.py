"""A yes is bound to the evidence that was shown; rows of before that was kept still count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.estate import Rig, build, quick_policy
from tests.support.operations import open_promotion
from tidegate.engine.approve import give_approval
from tidegate.engine.rules import approved
from tidegate.engine.runner import drive
from tidegate.engine.view import OperationView, fold_operation, require
from tidegate.errors import Refused
from tidegate.journal.model import Event, EventKind
from tidegate.plan.model import ApprovalNode
from tidegate.policy.schema import Approval

NODE = "wave-1.approve-25"


class _AtTheQuestion(Exception):
    pass


def stop_there(view: OperationView, node: Any) -> None:
    raise _AtTheQuestion


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    asked = Approval(before="25%", people=("ann", "ben"), quorum=1, within="60s")  # type: ignore[arg-type]
    return build(tmp_path, quick_policy(approvals=(asked,)))


def at_the_question(rig: Rig) -> OperationView:
    view = open_promotion(rig, "1.1.0")
    with pytest.raises(_AtTheQuestion):
        drive(rig.world, view.id, actor="test", ask=stop_there)
    return require(fold_operation(rig.world.journal.events("shop", operation=view.id)), view.id)


def say_yes(rig: Rig, view: OperationView) -> None:
    give_approval(rig.world, view.id, NODE, person="ann", plan_digest=view.plan_digest, actor="ann")


def rows(rig: Rig, view: OperationView) -> list[Event]:
    return rig.world.journal.events("shop", operation=view.id)


def test_question_and_answer_carry_the_digest_of_what_was_shown(rig: Rig) -> None:
    view = at_the_question(rig)
    say_yes(rig, view)
    (asked,) = [e.body for e in rows(rig, view) if e.kind is EventKind.APPROVAL_REQUESTED]
    (given,) = [e.body for e in rows(rig, view) if e.kind is EventKind.APPROVAL_GIVEN]
    assert asked["evidence_digest"] == given["evidence_digest"] != ""
    shown = {entry["node"]: entry for entry in asked["evidence"]}
    opened = {e.seq: e.body for e in rows(rig, view) if e.kind is EventKind.GATE_OPENED}
    assert "wave-1.gate-5" in shown
    for entry in shown.values():
        assert opened[entry["row"]]["evidence_digest"] == entry["evidence_digest"]


def test_a_yes_to_evidence_that_has_changed_since_is_refused(rig: Rig) -> None:
    view = at_the_question(rig)
    with rig.world.journal.locked("shop") as txn:
        body = {"node": "wave-1.gate-5", "detail": "again", "evidence": {}, "evidence_digest": "sha256:other"}
        txn.append(EventKind.GATE_OPENED, body, actor="test", operation=view.id)
    with pytest.raises(Refused, match="the answer is about the evidence sha256:"):
        say_yes(rig, view)


def test_a_row_that_names_other_evidence_does_not_count(rig: Rig) -> None:
    view = at_the_question(rig)
    node = view.plan.node(NODE)[1]
    assert isinstance(node, ApprovalNode)
    with rig.world.journal.locked("shop") as txn:
        body = {"node": NODE, "person": "ann", "plan_digest": view.plan_digest, "evidence_digest": "sha256:other"}
        txn.append(EventKind.APPROVAL_GIVEN, body, actor="test", operation=view.id)
    assert not approved(require(fold_operation(rows(rig, view)), view.id), node)


def test_rows_of_before_the_digest_was_kept_still_count(rig: Rig) -> None:
    view = at_the_question(rig)
    say_yes(rig, view)
    old = [replace(event, body=_without(event.body)) for event in rows(rig, view)]
    then = require(fold_operation(old), view.id)
    node = then.plan.node(NODE)[1]
    assert isinstance(node, ApprovalNode)
    assert then.approvals[0].evidence_digest == ""
    assert approved(then, node)


def _without(body: Mapping[str, Any]) -> Mapping[str, Any]:
    return {key: value for key, value in body.items() if key not in ("evidence", "evidence_digest", "roles")}
