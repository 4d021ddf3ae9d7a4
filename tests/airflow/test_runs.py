"""Whole runs of the DAGs in Airflow, on memory drivers: what ends how, and what a green mark is worth."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from tests.support.airflow_runs import Ran, blueprint_of, run
from tests.support.estate import Rig, build, quick_policy
from tests.support.operations import promote, weights
from tidegate.journal.model import EventKind
from tidegate.model.operation import OperationKind, OperationState, Outcome
from tidegate.policy.schema import Approval

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("metadata")]
PROMOTE = {"version": "1.1.0", "reason": "the story of a test"}


def short_policy(**changes: Any) -> Any:
    """Two steps in the first region, one in the second."""
    policy = quick_policy()
    evidence = {weight: policy.promotion.evidence[weight] for weight in (2500, 10_000)}
    return quick_policy(steps=(2500, 10_000), later_steps=(10_000,), evidence=evidence, **changes)


def failed(ran: Ran) -> list[str]:
    return sorted(task for task, state in ran.tasks.items() if state not in ("success", "skipped", "upstream_failed"))


def skipped(ran: Ran) -> set[str]:
    return {task for task, state in ran.tasks.items() if state == "skipped"}


def notes(rig: Rig) -> list[str]:
    return [str(e.body["why"]) for e in rig.world.journal.events("shop", kinds={EventKind.NOTE})]


def test_a_good_release_is_promoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rig = build(tmp_path, short_policy())
    ran = run(rig, monkeypatch, PROMOTE)
    assert ran.state == "success"
    assert ran.view is not None
    assert set(ran.tasks.values()) == {"success", "skipped"}
    of_flags = {n.id for s, n in ran.view.plan.nodes() if s.id == "expose"} | {"settle.flags"}
    assert skipped(ran) == of_flags | {n.id for s, n in ran.view.plan.nodes() if s.id == "return"}
    assert all(ran.view.node(n).nothing_to_do for n in skipped(ran)), "each with its reason in the journal"
    assert (ran.view.outcome, ran.view.requester) == (Outcome.PROMOTED, "dag_test")
    assert weights(rig) == {"east-b": 5000, "west-b": 5000}


def test_a_bad_release_is_taken_back_and_the_run_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rig = build(tmp_path, short_policy())
    rig.users.error_rate["1.2.0"] = {"checkout": 0.5}
    ran = run(rig, monkeypatch, {**PROMOTE, "version": "1.2.0"})
    assert ran.state == "failed"
    assert ran.view is not None
    assert ran.view.outcome is Outcome.ROLLED_BACK
    assert weights(rig) == {"east-a": 5000, "west-a": 5000}
    assert len(failed(ran)) == 2, f"one gate that failed, and the outcome: {failed(ran)}"
    assert "outcome" in failed(ran)
    back = {task: state for task, state in ran.tasks.items() if task.startswith("return.")}
    assert back.pop("return.conclude") == "success", "behind a skipped one, and needed: it goes on"
    assert {task for task, state in back.items() if state == "skipped"} == {
        n.id for s, n in ran.view.plan.nodes() if n.id in back and ran.view.node(n.id).nothing_to_do
    }
    assert {"return.withdraw-1", "return.everywhere-2"} <= skipped(ran), "the ladder stopped at traffic"


def test_a_release_that_is_not_there_is_refused_before_any_effect(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = build(tmp_path, short_policy())
    ran = run(rig, monkeypatch, {**PROMOTE, "version": "9.9.9"})
    assert (ran.state, failed(ran)) == ("failed", ["admit.verify", "outcome"])
    assert ran.view is not None
    assert ran.view.outcome is Outcome.REFUSED
    assert rig.effects() == []


def test_a_request_that_cannot_be_bound_is_in_the_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rig = build(tmp_path, short_policy(), adopted=False)
    ran = run(rig, monkeypatch, PROMOTE)
    assert (ran.state, failed(ran), ran.view) == ("failed", ["bind", "outcome"], None)
    assert "no baseline has been adopted" in notes(rig)[-1]
    back = {task: state for task, state in ran.tasks.items() if task.startswith("return.")}
    assert back.pop("return.stop-loss") == "success"
    assert set(back.values()) == {"skipped"}, "nothing to go back from"


def test_a_person_rolls_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rig = build(tmp_path, short_policy())
    promote(rig, "1.1.0")
    ran = run(rig, monkeypatch, {"target": "1.0.0", "reason": "customers complain"}, OperationKind.ROLLBACK)
    assert (ran.state, failed(ran)) == ("success", [])
    assert {"return.withdraw-1", "return.everywhere-2"} <= skipped(ran), "the ladder stopped at traffic"
    assert ran.view is not None
    assert ran.view.outcome is Outcome.ROLLED_BACK
    assert weights(rig) == {"east-a": 5000, "west-a": 5000}


def test_an_approval_that_is_marked_green_lets_nothing_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Approval(before="100%", people=("ann", "ben"), quorum=1, within="60s")
    rig = build(tmp_path, short_policy(approvals=(asked,)))
    ran = run(rig, monkeypatch, PROMOTE, green=r"wave-1\.approve-100")
    assert ran.tasks["wave-1.approve-100"] == "success", "somebody marked it"
    assert ran.tasks["wave-1.shift-100"] == "failed"
    assert ran.view is not None
    assert ran.view.outcome is Outcome.ROLLED_BACK
    assert ran.view.approvals == ()
    assert max(split_of(effect) for effect in rig.effects() if effect.family == "traffic") <= 2500


def split_of(effect: Any) -> int:
    """The largest weight, within its region, that a route gave the candidate's arms."""
    from tidegate.model.traffic import Split

    split = Split.parse(effect.detail["split"])
    return max(int(split.within_region(arm) * 10_000) for arm in split.arms if arm.slot == "b")


def test_marking_every_gate_green_lets_nothing_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rig = build(tmp_path, short_policy())
    ran = run(rig, monkeypatch, PROMOTE, green=r".*\.(gate|ready|guard).*")
    assert ran.tasks["snapshot.take"] == "failed", "its predecessor admit.guard is not verified in the journal"
    assert rig.effects() == []


def test_a_plan_that_changed_in_mid_run_is_held_before_any_effect(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The DAG's tasks are of another plan than the operation that the run opened."""
    from tidegate.workflow import bind

    rig = build(tmp_path, short_policy())
    other = dataclasses.replace(blueprint_of(rig).plan, policy_digest="sha256:another")
    opened = bind.open_operation
    monkeypatch.setattr(
        bind, "open_operation", lambda world, request, plan, actor: opened(world, request, other, actor=actor)
    )
    monkeypatch.setattr(bind, "same_plan", lambda view, blueprint: None)  # as if the policy changed right after bind
    ran = run(rig, monkeypatch, PROMOTE)
    assert ran.state == "failed"
    assert {"admit.verify", "return.stop-loss"} <= set(failed(ran)), "forward and back are held alike"
    assert ran.view is not None
    assert rig.effects() == []
    assert ran.view.state in (OperationState.RUNNING, OperationState.CLOSED)
