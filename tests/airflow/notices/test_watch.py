"""The triggerer tells what no task of Airflow's brought about: the guard's acts, people's at a terminal, silence."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.airflow.test_runs import short_policy
from tests.support import receivers
from tests.support.envoy import wait_until
from tests.support.estate import Rig, build
from tests.support.moving import moving_policy, open_move
from tests.support.operations import open_promotion, promote
from tests.support.receivers import PAGER, SLACK, Posts, asked, failures, keys
from tidegate.engine import control
from tidegate.engine.noticing import NOT_KNOWN, UNTOLD_AFTER, Claim, claim
from tidegate.engine.section import run_section
from tidegate.model.notice import Point
from tidegate.model.operation import OperationKind

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("metadata")]


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    from tidegate.workflow import worlds

    rig = build(tmp_path, receivers.told_by(short_policy(), channel=SLACK))
    with worlds.prepared(rig.world):
        yield rig


def watch() -> Any:
    from tidegate.workflow.notices import NoticeWatch

    return NoticeWatch("shop")


def test_what_is_done_at_a_terminal_is_told_at_once_and_once(rig: Rig, slack: Posts) -> None:
    looking = watch()
    view = open_promotion(rig, "1.1.0")
    looking.look()
    assert keys(rig) == ["declared"]
    control.pause(rig.world, view.id, person="ann", reason="customers call", actor="ann")
    looking.look()
    (paused,) = keys(rig)[1:]
    assert paused.startswith("stuck:paused:")
    assert asked(slack.bodies[-1]["text"], "What") == "paused by ann: customers call"
    assert asked(slack.bodies[-1]["text"], "Should end") == "not known: ann has paused it"
    looking.look()
    watch().look()
    assert len(slack.got) == len(keys(rig)) == 2


def test_the_guard_turns_it_back_and_that_is_told(rig: Rig, slack: Posts) -> None:
    looking = watch()
    rig.users.error_rate["1.2.0"] = {"checkout": 0.5}
    rig.clock.ticks.append(lambda _: looking.look())
    promote(rig, "1.2.0")
    looking.look()
    told = keys(rig)
    assert (told[0], told[-1]) == ("declared", "finished")
    back = slack.bodies[told.index("turned_back")]["text"]
    assert asked(back, "What").startswith("guard: ")
    assert len(told) == len(set(told)) == len(slack.got)


def test_what_a_task_tells_itself_is_left_to_it_for_a_while(rig: Rig, slack: Posts) -> None:
    from tidegate.engine.open import Request, open_operation
    from tidegate.plan.promotion import promotion_plan
    from tidegate.workflow.notices import TASKS_FIRST

    plan = promotion_plan(rig.world.policy, rig.world.policy_digest)
    request = Request(OperationKind.PROMOTION, "promote__shop/manual__1", "cat", "a test", "1.1.0")
    open_operation(rig.world, request, plan, actor="airflow promote__shop bind try 1")
    looking = watch()
    looking.look()
    assert slack.got == []
    rig.clock.sleep(TASKS_FIRST + 1)
    looking.look()
    assert keys(rig) == ["declared"]


def test_an_operation_that_nobody_carries_on_is_stuck(rig: Rig, slack: Posts) -> None:
    open_promotion(rig, "1.1.0")
    looking = watch()
    looking.look()
    rig.clock.sleep(120)
    looking.look()
    assert keys(rig) == ["declared", "stuck:admit.verify"]
    assert asked(slack.bodies[-1]["text"], "What").startswith("Nobody carries this operation on")


def test_a_claim_that_nobody_answered_is_told_as_not_known_and_not_sent_again(rig: Rig, slack: Posts) -> None:
    view = open_promotion(rig, "1.1.0")
    mine = claim(rig.world, view.id, [Claim(Point.DECLARED, "declared", ("channel",))], actor="whoever was killed")
    assert [one.key for one in mine] == ["declared"]
    looking = watch()
    looking.look()
    assert failures(rig) == {}
    rig.clock.sleep(UNTOLD_AFTER + 1)
    looking.look()
    assert failures(rig) == {"declared": {"channel": NOT_KNOWN}}
    assert "declared" not in "".join(body["text"].split("\n")[0] for body in slack.bodies)


def test_when_it_should_end_is_known_by_those_before_it(rig: Rig, slack: Posts) -> None:
    promote(rig, "1.1.0")
    open_promotion(rig, "1.2.0")
    watch().look()
    words = asked(slack.bodies[-1]["text"], "Should end")
    assert words.endswith("what the one before it took")
    assert words.split(" ")[1:3] == ["UTC,", "in"]


def test_a_missed_rto_is_told_by_airflows_own_alert(tmp_path: Path, slack: Posts, pager: Posts) -> None:
    from tidegate.workflow import rto_alert, worlds

    policy = moving_policy()
    policy = policy.model_copy(update={"objectives": policy.objectives.model_copy(update={"rto": 8.0})})
    told = {"at": ["missed_objective"]}
    rig = build(tmp_path, receivers.told_by(policy, on_call={**PAGER, **told}, channel={**SLACK, **told}))
    rig.clock.ticks.clear()  # no guard: Airflow is alone
    rig.lose("east")
    rig.database.kill("east")
    view = open_move(rig, OperationKind.FAILOVER)
    run_section(rig.world, view.id, "declare.measure", actor="test")
    with worlds.prepared(rig.world):
        rig.clock.sleep(9.0)
        assert rto_alert.tell("shop")
        assert not rto_alert.tell("shop")
    (event,) = pager.bodies
    assert event["payload"]["severity"] == "critical"
    assert event["payload"]["custom_details"]["Owner"] == "sre"
    assert "the RTO of 8 s is over" in event["payload"]["custom_details"]["What"]
    assert len(slack.got) == 1


def test_the_triggers_look_lives_as_long_as_the_guards(rig: Rig, slack: Posts, monkeypatch: pytest.MonkeyPatch) -> None:
    import asyncio

    from tidegate.workflow import watcher

    monkeypatch.setattr(watcher, "guarding", lambda service, stop, ask: stop.wait(60))
    open_promotion(rig, "1.1.0")
    trigger = watcher.GuardTrigger("shop", "sha256:it")

    async def go() -> None:
        async def run() -> None:
            async for _ in trigger.run():
                raise AssertionError("nobody asked for a rollback")

        running = asyncio.create_task(run())
        await asyncio.to_thread(wait_until, lambda: bool(keys(rig)), "somebody to be told", within=30)
        running.cancel()

    asyncio.run(asyncio.wait_for(go(), 60))
    assert keys(rig) == ["declared"]
    wait_until(
        lambda: not any(t.name == "notices of shop" for t in threading.enumerate()), "the look to end", within=30
    )
