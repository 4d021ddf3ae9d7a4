"""Nobody is told the same twice, however often a task runs; and what stays red is told as stuck."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.airflow.ui_actions import ASKED, Case, bad_data, clear_ended, clear_midway, mend_and_clear
from tests.scenarios.test_crash_matrix import small_policy
from tests.support import receivers
from tests.support.airflow_loop import Loop, forget_runs
from tests.support.estate import build
from tests.support.receivers import SLACK, Posts, asked, keys
from tidegate.errors import Unreachable
from tidegate.journal.model import EventKind
from tidegate.model.operation import OperationState

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("metadata")]


@pytest.fixture(scope="module")
def api(metadata: Path) -> Iterator[Any]:
    from airflow.api_fastapi.app import create_app
    from fastapi.testclient import TestClient

    with TestClient(create_app()) as client:
        yield client


@pytest.fixture(autouse=True)
def no_runs_of_others(metadata: Path) -> None:
    forget_runs()


def case_of(folder: Path, monkeypatch: pytest.MonkeyPatch, api: Any, version: str = "1.1.0", **asks: Any) -> Case:
    policy = small_policy()
    policy = policy.model_copy(update={"promotion": policy.promotion.model_copy(update={"approvals": (), **asks})})
    rig = build(folder, receivers.told_by(policy, channel=SLACK))
    rig.users.rate = 40.0
    case = Case(rig, Loop(rig, monkeypatch, api))
    case.loop.trigger(version)
    return case


def once(case: Case, slack: Posts) -> None:
    assert {key for key, times in Counter(keys(case.rig)).items() if times > 1} == set()
    assert len(slack.got) == len(keys(case.rig)), "as many messages as the journal says"


@pytest.mark.parametrize("act", [clear_midway, clear_ended])
def test_a_run_that_is_cleared_tells_nothing_again(
    act: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, api: Any, slack: Posts
) -> None:
    case = case_of(tmp_path, monkeypatch, api)
    act(case)
    case.loop.go()
    assert case.loop.state() == "success"
    assert keys(case.rig)[-1] == "finished"
    once(case, slack)


def test_a_task_that_is_tried_again_is_not_stuck(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, api: Any, slack: Posts
) -> None:
    case = case_of(tmp_path, monkeypatch, api)
    case.rig.traffic.faults.fail_at("apply", Unreachable("the router is away"))
    case.rig.traffic.faults.fail_next = Unreachable("the router is away")
    case.loop.go()
    rows = case.rig.world.journal.events("shop", kinds={EventKind.STEP_FAILED})
    assert rows, "one try failed"
    assert case.loop.state() == "success"
    assert [key for key in keys(case.rig) if key.startswith("stuck")] == []
    once(case, slack)


def test_a_red_task_on_the_way_back_is_stuck_once_and_the_end_is_told_when_it_is_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, api: Any, slack: Posts
) -> None:
    case = case_of(tmp_path, monkeypatch, api)
    bad_data(case)
    case.loop.go()
    view = case.loop.view()
    assert view is not None
    assert view.state is OperationState.STOPPING
    (stuck,) = [key for key in keys(case.rig) if key.startswith("stuck")]
    text = next(body["text"] for body in slack.bodies if "STUCK" in body["text"])
    assert asked(text, "What").startswith(f"{stuck.removeprefix('stuck:')} failed: ")
    assert asked(text, "What next?").startswith(stuck.removeprefix("stuck:"))
    assert asked(text, "Should end").startswith("not known: it is on its way back")
    mend_and_clear(case)
    case.loop.go()
    assert keys(case.rig)[-1] == "finished"
    once(case, slack)


def test_people_who_are_asked_are_told_while_the_question_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, api: Any, slack: Posts
) -> None:
    """The trigger tells, so that the question itself is held up by nobody."""
    import asyncio

    from tidegate.workflow import worlds
    from tidegate.workflow.approval_trigger import ApprovalTrigger

    case = case_of(tmp_path, monkeypatch, api, approvals=ASKED)
    node = "wave-1.approve-100"
    case.loop.go(lambda: bool((view := case.loop.view()) and node in view.requested))
    assert f"needs_approval:{node}" not in keys(case.rig)
    trigger = ApprovalTrigger("00000000-0000-0000-0000-000000000001", "shop", case.loop.operation, node)

    async def ask() -> None:
        waiting = asyncio.create_task(anext(trigger.run()))  # type: ignore[arg-type]
        while f"needs_approval:{node}" not in keys(case.rig):
            await asyncio.sleep(0.05)
            assert not waiting.done()
        waiting.cancel()

    with worlds.prepared(case.rig.world):
        for _ in range(2):  # a triggerer that takes over begins it again
            asyncio.run(asyncio.wait_for(ask(), 60))
    text = slack.bodies[-1]["text"]
    assert asked(text, "What") == f"{node} waits for 1 of ann, ben"
    assert "must say yes to wave-1.approve-100 within 10 min" in asked(text, "What next?")
    once(case, slack)
