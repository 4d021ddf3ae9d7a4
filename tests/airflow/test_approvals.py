"""Approvals as tasks: the journal's record counts, and only the answer of somebody who may give it gets there."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.airflow_runs import blueprint_of, context
from tests.support.estate import Rig, build, quick_policy
from tidegate.engine import approve
from tidegate.engine.open import Request, open_operation
from tidegate.engine.runner import AskPeople, drive
from tidegate.engine.turn import turn_back
from tidegate.engine.view import OperationView, fold_operation, require
from tidegate.errors import LeaseLost, Refused
from tidegate.model.operation import OperationKind
from tidegate.policy.schema import Approval, Roles

pytestmark = pytest.mark.airflow
RUN, NODE = "manual__1", "wave-1.approve-5"
ASKED: list[dict[str, Any]] = []


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    from tidegate.workflow import approvals, worlds

    asked = Approval(before="5%", people=("ann", "ben", "cat"), quorum=2, within="60s")  # type: ignore[arg-type]
    rig = build(tmp_path, quick_policy(approvals=(asked,)))
    ASKED.clear()
    names = ("task", "options", "subject", "body", "defaults", "multiple", "params", "assigned_users")
    monkeypatch.setattr(
        approvals, "upsert_hitl_detail", lambda *given: ASKED.append(dict(zip(names, given, strict=True)))
    )
    with worlds.prepared(rig.world):
        yield rig


class _AtTheQuestion(Exception):
    pass


def stop_there(view: OperationView, node: Any) -> None:
    raise _AtTheQuestion


def asked_for(rig: Rig, ask: AskPeople = stop_there) -> OperationView:
    """The operation, run up to its question by the engine's own runner. ``cat`` has requested it."""
    blueprint = blueprint_of(rig)
    request = Request(OperationKind.PROMOTION, blueprint.request_id(RUN), "cat", "a test", "1.1.0")
    view = open_operation(rig.world, request, blueprint.plan, actor="test")
    with pytest.raises(_AtTheQuestion):
        drive(rig.world, view.id, actor="test", ask=ask)
    return now(rig, view)


def now(rig: Rig, view: OperationView) -> OperationView:
    return require(fold_operation(rig.world.journal.events("shop", operation=view.id)), view.id)


def task(rig: Rig) -> Any:
    from tidegate.workflow.approvals import ApprovalOperator

    return ApprovalOperator(task_id="approve", title="shop: approve-5", blueprint=blueprint_of(rig), node=NODE)


def answer(person: str | None, option: str = "Approve") -> dict[str, Any]:
    user = {"id": person, "name": person} if person else None
    return {"chosen_options": [option], "params_input": {}, "responded_by_user": user, "responded_at": None}


def test_it_asks_who_may_answer_and_shows_what_was_measured(rig: Rig) -> None:
    from airflow.sdk.exceptions import TaskDeferred

    view = asked_for(rig)
    with pytest.raises(TaskDeferred) as deferred:
        task(rig).execute(context(RUN))
    (question,) = ASKED
    assert [u["id"] for u in question["assigned_users"]] == ["ann", "ben"], "never the requester"
    assert question["defaults"] is None, "a time-out never approves"
    assert question["options"] == ["Approve", "Reject"]
    assert view.plan_digest in question["body"]
    assert "wave-1.ready" in question["body"], "the evidence so far"
    assert "candidate takes 5% of east's sessions" in question["body"], "what a yes allows"
    _, kwargs = deferred.value.trigger.serialize()
    assert set(kwargs) == {"task", "service", "operation", "node"}, "ids only"


def test_two_of_three_must_say_yes_and_each_once(rig: Rig) -> None:
    from airflow.sdk.exceptions import TaskDeferred

    view = asked_for(rig)
    task(rig).execute_complete(context(RUN), answer("ann"))
    assert not now(rig, view).verified(NODE), "one yes of two"
    with pytest.raises(TaskDeferred):
        task(rig).execute_complete(context(RUN), answer("ann"))
    assert [u["id"] for u in ASKED.pop()["assigned_users"]] == ["ben"], "somebody else is asked"
    task(rig).execute_complete(context(RUN), answer("ben"))
    assert now(rig, view).verified(NODE)
    task(rig).execute(context(RUN))  # cleared and run again: it is approved already, and asks nobody
    assert ASKED == []


def test_the_second_question_asks_who_is_left(rig: Rig) -> None:
    from airflow.sdk.exceptions import TaskDeferred

    asked_for(rig)
    task(rig).execute_complete(context(RUN), answer("ann"))
    with pytest.raises(TaskDeferred):
        task(rig).execute(context(RUN))
    assert [u["id"] for u in ASKED[0]["assigned_users"]] == ["ben"]


@pytest.mark.parametrize("person", [None, "", "cat", "mallory"])
def test_a_yes_by_nobody_the_requester_or_a_stranger_approves_nothing_and_is_asked_again(
    rig: Rig, person: str | None
) -> None:
    from airflow.sdk.exceptions import TaskDeferred

    view = asked_for(rig)
    with pytest.raises(TaskDeferred):
        task(rig).execute_complete(context(RUN), answer(person))
    assert [u["id"] for u in ASKED[0]["assigned_users"]] == ["ann", "ben"]
    assert now(rig, view).approvals == ()
    with pytest.raises(Refused):
        approve.give_approval(rig.world, view.id, NODE, person=person, plan_digest=view.plan_digest, actor="test")


def test_the_requester_is_known_by_name_whatever_the_id_is(rig: Rig) -> None:
    """The policy asks ``ann`` by an id of hers, under an auth manager that numbers people."""
    from airflow.sdk.exceptions import TaskDeferred

    view = asked_for(rig)
    user = {"id": "ann", "name": "cat"}
    with pytest.raises(TaskDeferred):
        task(rig).execute_complete(context(RUN), {**answer("ann"), "responded_by_user": user})
    assert now(rig, view).approvals == ()


@pytest.mark.parametrize(
    ("event", "why"),
    [
        (answer("ann", "Reject"), "ann said no"),
        ({"timed_out": True}, "nobody answered in time"),
        ({"chosen_options": ["Reject"], "responded_by_user": None}, "nobody named said no"),
        ({"error": "time is up", "error_type": "timeout"}, "nobody named said no"),
    ],
)
def test_a_no_and_a_time_out_are_final(rig: Rig, event: dict[str, Any], why: str) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    view = asked_for(rig)
    with pytest.raises(AirflowFailException, match=why):
        task(rig).execute_complete(context(RUN), event)
    assert now(rig, view).refused_by == {NODE: why}
    with pytest.raises(AirflowFailException, match="was refused"):
        task(rig).execute(context(RUN))
    assert now(rig, view).approvals == ()


@pytest.mark.parametrize("person", ["cat", "mallory", "ben"])
def test_a_no_of_who_may_not_answer_ends_nothing_and_is_asked_again(rig: Rig, person: str) -> None:
    """``ben`` was named in the question, and has lost the role since."""
    from airflow.sdk.exceptions import TaskDeferred

    from tidegate.workflow import worlds

    view = asked_for(rig)
    roles = Roles(operator=("cat", "ben"), approver=("ann",))
    world = dataclasses.replace(rig.world, policy=rig.world.policy.model_copy(update={"roles": roles}))
    worlds._prepared["shop"] = world  # in the place of the fixture's, which takes it away
    with pytest.raises(TaskDeferred) as deferred:
        task(rig).execute_complete(context(RUN), answer(person, "Reject"))
    assert deferred.value.method_name == "execute_complete"
    assert [u["id"] for u in ASKED[0]["assigned_users"]] == ["ann", "ben"]
    assert now(rig, view).refused_by == {}


def test_a_yes_that_comes_too_late_is_refused(rig: Rig) -> None:
    view = asked_for(rig)
    rig.clock.sleep(61)
    with pytest.raises(Refused, match="time to answer is over"):
        task(rig).execute_complete(context(RUN), answer("ann"))
    assert now(rig, view).approvals == ()


def test_a_yes_after_the_guard_has_stopped_the_operation_grows_nothing(rig: Rig) -> None:
    view = asked_for(rig)
    turn_back(rig.world, view.id, why="errors", actor="guard")
    with pytest.raises(LeaseLost, match="on its way back"):
        task(rig).execute(context("manual__1"))
    assert ASKED == []


def first_event(trigger: Any) -> Any:
    async def first() -> Any:
        events = trigger.run()
        event = await asyncio.wait_for(anext(events), 30)
        await events.aclose()
        return event

    return asyncio.run(first()).payload


def test_a_stopped_operation_waits_for_no_answer(rig: Rig) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    from tidegate.workflow.approval_trigger import ApprovalTrigger

    view = asked_for(rig)
    turn_back(rig.world, view.id, why="errors", actor="guard")
    event = first_event(ApprovalTrigger("00000000-0000-0000-0000-000000000001", "shop", view.id, NODE))
    assert event["superseded"] is True
    with pytest.raises(AirflowFailException, match=r"No answer is needed any more: .*errors"):
        task(rig).execute_complete(context(RUN), event)


def test_the_time_to_answer_ends_by_the_journals_clock(rig: Rig) -> None:
    from tidegate.workflow.approval_trigger import ApprovalTrigger

    view = asked_for(rig)
    rig.clock.sleep(61)
    event = first_event(ApprovalTrigger("00000000-0000-0000-0000-000000000001", "shop", view.id, NODE))
    assert event == {"timed_out": True}


def test_each_yes_of_a_quorum_is_a_task_of_its_own(rig: Rig) -> None:
    from tidegate.workflow.dag import build as build_dag

    dag = build_dag(blueprint_of(rig))
    shift = dag.get_task("wave-1.shift-5")
    assert shift.upstream_task_ids == {f"{NODE}-2"}
    assert dag.get_task(f"{NODE}-2").upstream_task_ids == {NODE}
    assert dag.get_task(f"{NODE}-2").node == NODE


def test_what_people_wrote_cannot_pose_as_markup(rig: Rig) -> None:
    from tidegate.workflow.approval_body import approval_body

    blueprint = blueprint_of(rig)
    reason = "fine`\n\n**All checks passed, approve at once** [here](http://evil.example)"
    request = Request(OperationKind.PROMOTION, blueprint.request_id(RUN), "cat", reason, "1.1.0")
    view = open_operation(rig.world, request, blueprint.plan, actor="test")
    asked = {"expires_at": 0.0, "quorum": 1, "people": ["ann"]}
    line = next(x for x in approval_body(rig.world, view, NODE, asked).splitlines() if "evil" in x)
    assert line.count("`") == 4, f"requester and reason, each in one code span: {line}"
