"""Gates as tasks: a few seconds of looking, then a trigger that carries ids only, and verdicts in words."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.airflow_runs import blueprint_of, context
from tests.support.estate import Rig, build
from tidegate.engine.execute import run_step
from tidegate.engine.open import Request, open_operation
from tidegate.engine.turn import turn_back
from tidegate.engine.view import OperationView
from tidegate.errors import LeaseLost, Refused
from tidegate.journal.model import EventKind
from tidegate.model.operation import OperationKind

pytestmark = pytest.mark.airflow
RUN = "manual__1"


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    from tidegate.workflow import worlds

    rig = build(tmp_path, guarded=False)
    with worlds.prepared(rig.world):
        yield rig


def opened(rig: Rig) -> OperationView:
    blueprint = blueprint_of(rig)
    request = Request(OperationKind.PROMOTION, blueprint.request_id(RUN), "cat", "a test", "1.1.0")
    return open_operation(rig.world, request, blueprint.plan, actor="test")


def at_the_guard_gate(rig: Rig) -> OperationView:
    view = opened(rig)
    run_step(rig.world, view.id, "admit.verify", actor="test")
    return view


def sensor(rig: Rig, node: str = "admit.guard") -> Any:
    from tidegate.workflow.gates import GateSensor

    return GateSensor(task_id="gate", blueprint=blueprint_of(rig), node=node)


def test_it_defers_with_ids_only_once_its_patience_is_over(rig: Rig) -> None:
    from airflow.sdk.exceptions import TaskDeferred

    view = at_the_guard_gate(rig)
    began = rig.clock.now()
    with pytest.raises(TaskDeferred) as deferred:
        sensor(rig).execute(context(RUN))
    assert rig.clock.now() - began >= 5.0, "it looks for a while before it pays for a deferral"
    path, kwargs = deferred.value.trigger.serialize()
    assert path == "tidegate.workflow.triggers.GateTrigger"
    assert kwargs == {"service": "shop", "operation": view.id, "node": "admit.guard"}
    assert deferred.value.timeout is None, "how long a gate waits is the plan's to say"


def test_it_opens_in_the_task_as_soon_as_it_can(rig: Rig) -> None:
    view = at_the_guard_gate(rig)
    rig.watch.step()
    sensor(rig).execute(context(RUN))
    kinds = [e.kind for e in rig.world.journal.events("shop", operation=view.id)]
    assert kinds[-1] is EventKind.GATE_OPENED


def test_a_data_gate_never_goes_to_the_triggerer(rig: Rig) -> None:
    from tidegate.workflow.gates import HEAVY

    kinds = {n.kind for _, n in blueprint_of(rig).plan.nodes() if hasattr(n, "kind")}
    assert "data" in HEAVY
    assert set(HEAVY) <= kinds


def test_news_of_a_pass_opens_nothing_by_itself(rig: Rig) -> None:
    from airflow.sdk.exceptions import TaskDeferred

    at_the_guard_gate(rig)
    with pytest.raises(TaskDeferred):
        sensor(rig).execute_complete(context(RUN), {"verdict": "pass", "why": "says who?"})


def test_news_of_a_failure_fails_without_a_retry_and_says_why(rig: Rig) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    at_the_guard_gate(rig)
    with pytest.raises(AirflowFailException, match="120 more candidate requests"):
        sensor(rig).execute_complete(context(RUN), {"verdict": "fail", "why": "missing: 120 more candidate requests"})


def test_it_gives_up_with_what_was_missing(rig: Rig) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    at_the_guard_gate(rig)
    rig.clock.sleep(121)
    with pytest.raises(AirflowFailException, match=r"admit\.guard stays shut: no pass within 120 s"):
        sensor(rig).execute(context(RUN))


def test_on_the_way_back_a_forward_gate_is_superseded(rig: Rig) -> None:
    view = at_the_guard_gate(rig)
    turn_back(rig.world, view.id, why="enough", actor="test")
    with pytest.raises(LeaseLost, match="enough"):
        sensor(rig).execute(context(RUN))


def test_without_an_operation_a_forward_gate_refuses(rig: Rig) -> None:
    with pytest.raises(Refused, match="no operation was opened"):
        sensor(rig).execute(context("another run"))


def fired(trigger: Any, meanwhile: Any = None) -> Any:
    async def first() -> Any:
        events = trigger.run()
        task = asyncio.ensure_future(anext(events))
        if meanwhile:
            await asyncio.to_thread(meanwhile)
        event = await asyncio.wait_for(task, 30)
        await events.aclose()
        return event

    return asyncio.run(first()).payload


def test_the_trigger_waits_until_the_gate_is_settled(rig: Rig) -> None:
    from tidegate.workflow.triggers import GateTrigger

    view = at_the_guard_gate(rig)
    payload = fired(GateTrigger("shop", view.id, "admit.guard"), meanwhile=rig.watch.step)
    assert payload == {"verdict": "pass", "why": "a guard is alive"}
    assert json.dumps(payload)


def test_a_task_stays_deferred_until_airflow_has_seen_its_process_end(rig: Rig) -> None:
    """Else Airflow takes the resumed task for a lost one, and runs it again (measured)."""
    from airflow.sdk.configuration import conf

    from tidegate.workflow.triggers import GateTrigger

    view = at_the_guard_gate(rig)
    rig.watch.step()
    began = time.monotonic()
    assert fired(GateTrigger("shop", view.id, "admit.guard"))["verdict"] == "pass"
    assert time.monotonic() - began > conf.getint("workers", "min_heartbeat_interval")


def test_the_trigger_tells_of_a_stop(rig: Rig) -> None:
    from tidegate.workflow.triggers import GateTrigger

    view = at_the_guard_gate(rig)
    turn_back(rig.world, view.id, why="enough", actor="test")
    payload = fired(GateTrigger("shop", view.id, "admit.guard"))
    assert payload["verdict"] == "fail"
    assert "enough" in payload["why"]


def test_the_trigger_waits_for_a_journal_that_is_away(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    from tidegate.errors import JournalUnreachable
    from tidegate.workflow import triggers

    view = at_the_guard_gate(rig)
    rig.watch.step()
    look, answers = triggers.look_at_gate, iter([JournalUnreachable("away"), JournalUnreachable("away")])

    def unsteady(*args: Any, **kwargs: Any) -> Any:
        for error in answers:
            raise error
        return look(*args, **kwargs)

    monkeypatch.setattr(triggers, "look_at_gate", unsteady)
    monkeypatch.setattr(triggers, "POLL", 0.01)
    assert fired(triggers.GateTrigger("shop", view.id, "admit.guard"))["verdict"] == "pass"


def test_a_shift_waits_for_a_guard_instead_of_giving_up(rig: Rig) -> None:
    """Killing the guard stops the weights from growing until another is there; it does not send the release back."""
    from tidegate.workflow.steps import StepOperator

    view = opened(rig)
    rig.clock.ticks.append(rig.guard_tick)
    for node in ("admit.verify", "snapshot.take", "wave-1.deploy"):
        if node == "snapshot.take":
            rig.watch.step()
            sensor(rig).execute(context(RUN))
        run_step(rig.world, view.id, node, actor="test")
    rig.clock.sleep(1)
    sensor(rig, "wave-1.ready").execute(context(RUN))
    rig.clock.ticks.remove(rig.guard_tick)
    rig.clock.sleep(10)  # the guard is dead, its last beat has run out
    back_at = rig.clock.now() + 30
    rig.clock.ticks.append(lambda _: rig.watch.step() if rig.clock.now() >= back_at else None)
    StepOperator(task_id="shift", blueprint=blueprint_of(rig), node="wave-1.shift-5").execute(context(RUN))
    routes = [e for e in rig.effects() if e.family == "traffic"]
    assert len(routes) == 1
    assert rig.clock.now() >= back_at
