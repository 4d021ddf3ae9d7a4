"""Rule 4. Airflow's task state is not authority. An approval is a journal record bound to the plan digest and the
evidence shown, by named people other than the requester, m of n, unexpired. Marking a task green approves nothing. A
timeout never approves.

What Airflow's own tasks do with it is in ``tests/airflow``.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.estate import Rig, build
from tests.support.operations import advance, now, open_promotion, small_policy
from tidegate.engine import rules
from tidegate.engine.approve import give_approval, request_approval
from tidegate.engine.execute import run_step
from tidegate.engine.view import OperationView
from tidegate.errors import NotYet, Refused
from tidegate.journal.model import EventKind
from tidegate.plan.model import ApprovalNode, Step
from tidegate.policy.schema import Approval

NODE, SHIFT = "wave-1.approve-25", "wave-1.shift-25"


def asking(tmp_path: Path, *, asked: bool = True, quorum: int = 2) -> tuple[Rig, OperationView]:
    """A promotion by ``cat`` at its question to ``ann``, ``ben`` and ``cat``; the time to answer is two seconds."""
    wanted = Approval.model_validate({"before": "25%", "from": ["ann", "ben", "cat"], "quorum": quorum, "within": "2s"})
    rig = build(tmp_path, small_policy(approvals=(wanted,)))
    view = advance(rig, open_promotion(rig, "1.1.0"), NODE)
    if asked:
        request_approval(rig.world, view.id, NODE, actor="test")
    return rig, now(rig, view)


def write_yes(rig: Rig, view: OperationView, person: str, digest: str | None = None) -> None:
    """A row, past everything that checks who answers."""
    with rig.world.journal.locked("shop") as txn:
        shown = view.requested[NODE]["evidence_digest"]
        body = {"node": NODE, "person": person, "plan_digest": digest or view.plan_digest, "evidence_digest": shown}
        txn.append(EventKind.APPROVAL_GIVEN, body, actor="test", operation=view.id)


def held(rig: Rig, view: OperationView) -> None:
    """Neither the rule of order nor the rule of approval lets the step through."""
    before = len(rig.effects())
    with pytest.raises(NotYet, match=f"comes after {NODE}"):
        run_step(rig.world, view.id, SHIFT, actor="test")
    seen = now(rig, view)
    step, node = seen.plan.node(SHIFT)[1], seen.plan.node(NODE)[1]
    assert isinstance(step, Step)
    assert isinstance(node, ApprovalNode)
    assert not rules.approved(seen, node)
    with pytest.raises(Refused, match="the journal does not hold them"):
        rules.has_approval(seen, step)
    assert len(rig.effects()) == before


def test_no_node_runs_before_its_predecessor(tmp_path: Path) -> None:
    rig = build(tmp_path, small_policy())
    view = open_promotion(rig, "1.1.0")
    with pytest.raises(NotYet, match=r"snapshot\.take comes after admit\.verify"):
        run_step(rig.world, view.id, "snapshot.take", actor="test")


def test_no_step_runs_before_its_approval(tmp_path: Path) -> None:
    """Also if a row says that the gate stands open: the people's yes is counted, nothing else."""
    rig, view = asking(tmp_path)
    with rig.world.journal.locked("shop") as txn:
        txn.append(EventKind.GATE_OPENED, {"node": NODE, "detail": "green"}, actor="x", operation=view.id)
    held(rig, view)


@pytest.mark.parametrize("why", ["a stranger", "the requester", "one person twice", "another plan", "too late", "a no"])
def test_a_row_that_does_not_count_opens_nothing(tmp_path: Path, why: str) -> None:
    rig, view = asking(tmp_path)
    write_yes(rig, view, "ann")
    if why == "too late":
        rig.clock.at += 3
    if why == "a no":
        write_yes(rig, view, "ben")
        with rig.world.journal.locked("shop") as txn:
            body = {"node": NODE, "person": "ben", "why": "ben said no"}
            txn.append(EventKind.APPROVAL_REFUSED, body, actor="test", operation=view.id)
    else:
        person = {"a stranger": "mallory", "the requester": "cat", "one person twice": "ann"}.get(why, "ben")
        write_yes(rig, view, person, "sha256:other" if why == "another plan" else None)
    held(rig, view)


def test_two_of_three_open_it(tmp_path: Path) -> None:
    rig, view = asking(tmp_path)
    for person in ("ann", "ben"):
        give_approval(rig.world, view.id, NODE, person=person, plan_digest=view.plan_digest, actor=person)
    run_step(rig.world, view.id, SHIFT, actor="test")
    assert now(rig, view).verified(SHIFT)


@pytest.mark.parametrize(
    ("person", "digest", "late", "match"),
    [
        (None, None, 0, "without a person"),
        ("cat", None, 0, "may not approve it"),
        ("mallory", None, 0, "mallory may not"),
        ("ann", "sha256:other", 0, "is about plan"),
        ("ann", None, 3, "time to answer is over"),
    ],
)
def test_only_a_yes_that_counts_is_written_down(
    tmp_path: Path, person: str | None, digest: str | None, late: float, match: str
) -> None:
    rig, view = asking(tmp_path)
    rig.clock.at += late
    with pytest.raises(Refused, match=match):
        give_approval(
            rig.world, view.id, NODE, person=person, plan_digest=digest or view.plan_digest, actor=person or "x"
        )
    assert now(rig, view).approvals == ()


def test_nobody_answers_what_was_not_asked(tmp_path: Path) -> None:
    rig, view = asking(tmp_path, asked=False)
    with pytest.raises(Refused, match="has not been asked"):
        give_approval(rig.world, view.id, NODE, person="ann", plan_digest=view.plan_digest, actor="ann")


def test_a_question_that_nobody_else_can_answer_is_not_asked(tmp_path: Path) -> None:
    rig, view = asking(tmp_path, asked=False, quorum=3)
    with pytest.raises(Refused, match="and not cat themselves"):
        request_approval(rig.world, view.id, NODE, actor="test")
