"""The standing guard in the triggerer: its own thread, begun again when it falls over, ended when it is cancelled."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.airflow_runs import context
from tests.support.estate import Rig, build
from tests.support.operations import open_promotion
from tidegate.engine import guarding
from tidegate.errors import Refused
from tidegate.journal.model import EventKind
from tidegate.model.binding import release_to_json

pytestmark = pytest.mark.airflow
NEWS = {"service": "shop", "reason": "orders vanish", "observed_at": 1_800_000_000.0, "id": "d-1"}


def until(condition: Callable[[], object], what: str, within: float = 30.0) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {within} s"
        time.sleep(0.02)


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    from tidegate.workflow import worlds

    rig = build(tmp_path, guarded=False)
    with worlds.prepared(rig.world):
        yield rig


def test_the_trigger_guards_until_it_is_cancelled(rig: Rig) -> None:
    from tidegate.workflow.watcher import GuardTrigger

    def beaten() -> bool:
        return guarding.beat_expires_at(rig.world.journal, "shop") is not None

    trigger = GuardTrigger(service="shop", policy="sha256:1")

    async def story() -> Any:
        events = trigger.run()
        waiting = asyncio.ensure_future(anext(events))
        await asyncio.to_thread(until, beaten, "a beat of the guard")
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        return trigger._thread

    thread = asyncio.run(story())
    assert thread.join(within=10), "the guard's thread ends with its trigger"


def test_what_the_guard_asks_for_becomes_an_event(monkeypatch: pytest.MonkeyPatch) -> None:
    from tidegate.workflow import watcher
    from tidegate.workflow.detection import Detection

    def asks_once(service: str, stop: threading.Event, ask: Callable[[Detection], None]) -> None:
        ask(Detection.from_json(NEWS))
        stop.wait()

    monkeypatch.setattr(watcher.GuardThread.__init__, "__defaults__", (asks_once, 1.0))

    async def first() -> Any:
        events = watcher.GuardTrigger(service="shop", policy="sha256:1").run()
        event = await asyncio.wait_for(anext(events), 30)
        await events.aclose()
        return event.payload

    assert asyncio.run(first()) == {**NEWS, "fast_lane": False}


def test_a_guard_that_falls_over_is_begun_again_and_says_so_loudly(caplog: pytest.LogCaptureFixture) -> None:
    from tidegate.workflow.watcher import GuardThread

    begun: list[float] = []

    def falls_over(service: str, stop: threading.Event, ask: Any) -> None:
        begun.append(time.monotonic())
        raise OSError("the log is gone")

    thread = GuardThread("shop", falls_over, first_pause=0.01)
    thread.start()
    until(lambda: len(begun) >= 4, "four beginnings")
    thread.end()
    assert thread.join(within=10)
    assert "THE GUARD OF shop FELL OVER" in caplog.text
    assert begun[3] - begun[2] > begun[1] - begun[0], "later and later"


def test_a_new_policy_makes_a_new_guard() -> None:
    from airflow.triggers.base import BaseEventTrigger

    from tidegate.workflow.watcher import GuardTrigger

    def key(policy: str) -> int:
        return BaseEventTrigger.hash(*GuardTrigger(service="shop", policy=policy).serialize())

    assert key("sha256:1") == key("sha256:1")
    assert key("sha256:1") != key("sha256:2")


def run_of(*payloads: Any) -> dict[str, Any]:
    """The context of a run that asset events have started."""
    from types import SimpleNamespace

    events = [SimpleNamespace(extra={"from_trigger": True, "payload": payload}) for payload in payloads]
    run = SimpleNamespace(run_type="asset_triggered", triggering_user_name=None)
    return context(dag_run=run, triggering_asset_events={"asset": events})


def test_the_newest_detection_counts_when_events_coalesce() -> None:
    from tidegate.workflow.detection import detection_in

    found = detection_in(run_of({**NEWS, "observed_at": 5.0, "id": "old"}, NEWS))  # type: ignore[arg-type]
    assert found is not None
    assert found.id == "d-1"
    assert detection_in(context()) is None, "a person's run carries none"  # type: ignore[arg-type]


@pytest.mark.parametrize("payload", [None, {}, {"service": "shop"}, {**NEWS, "observed_at": "soon"}])
def test_an_event_that_carries_nothing_starts_nothing(payload: Any) -> None:
    from tidegate.workflow.detection import detection_in

    with pytest.raises(Refused):
        detection_in(run_of(payload))  # type: ignore[arg-type]


def test_old_news_is_void(rig: Rig) -> None:
    from tidegate.workflow.detection import VOID_AFTER, Detection, stale

    news = Detection("shop", "orders vanish", rig.clock.now(), "d-1")
    assert stale(rig.world, news, "op") == ""
    assert "about 'till'" in stale(rig.world, Detection("till", "x", rig.clock.now(), "d-2"), "op")
    rig.clock.sleep(VOID_AFTER + 1)
    assert "121 s old" in stale(rig.world, news, "op")


def test_news_from_before_the_last_operation_is_void_but_not_for_the_one_it_became(rig: Rig) -> None:
    from tidegate.workflow.detection import Detection, stale

    news = Detection("shop", "orders vanish", rig.clock.now() - 1, "d-1")
    view = open_promotion(rig, "1.1.0")
    assert view.id in stale(rig.world, news, "another")
    assert stale(rig.world, news, view.id) == "", "a retried bind finds its own operation"


def test_a_stale_detection_ends_as_nothing_to_do(rig: Rig) -> None:
    from airflow.sdk.exceptions import DownstreamTasksSkipped

    from tests.support.airflow_runs import blueprint_of
    from tidegate.model.operation import OperationKind
    from tidegate.workflow.bind import BindOperator
    from tidegate.workflow.outcome import OutcomeOperator

    blueprint = blueprint_of(rig, OperationKind.ROLLBACK)
    old = run_of({**NEWS, "observed_at": 5.0})
    with pytest.raises(DownstreamTasksSkipped) as skipped:
        BindOperator(task_id="bind", blueprint=blueprint).execute(old)  # type: ignore[arg-type]
    assert skipped.value.tasks == [node.id for _, node in blueprint.plan.nodes()], "all but the outcome"
    OutcomeOperator(task_id="outcome", blueprint=blueprint).execute(old)  # type: ignore[arg-type]
    assert "void" in str(rig.world.journal.events("shop", kinds={EventKind.NOTE})[-1].body["why"])
    assert rig.effects() == []


def test_a_fresh_detection_opens_a_rollback_in_the_guards_name(rig: Rig) -> None:
    from tests.support.airflow_runs import blueprint_of
    from tests.support.operations import promote
    from tidegate.model.operation import OperationKind
    from tidegate.workflow.bind import BindOperator
    from tidegate.workflow.identity import read

    rig.clock.ticks.append(rig.guard_tick)
    promote(rig, "1.1.0")
    fresh = run_of({**NEWS, "observed_at": rig.clock.now() + 0.001})
    rig.clock.sleep(1)
    operation = BindOperator(task_id="bind", blueprint=blueprint_of(rig, OperationKind.ROLLBACK)).execute(fresh)  # type: ignore[arg-type]
    view = read(rig.world, operation)
    assert view is not None
    assert (view.requester, view.reason, view.binding.stable.version) == ("guard", "orders vanish", "1.0.0")


def test_the_mix_that_the_guard_asks_for_is_gone_back_to_while_it_can_be(rig: Rig) -> None:
    from tests.support.airflow_runs import blueprint_of
    from tidegate.model.operation import OperationKind
    from tidegate.workflow.bind import BindOperator
    from tidegate.workflow.detection import Detection

    news = Detection("shop", "receipts fail", rig.clock.now(), "d-1", target="1.1.0+receipts@1.0.0")
    assert Detection.from_json(news.to_json()) == news
    assert Detection.from_json(NEWS).target == "", "as an older guard asks"
    bind = BindOperator(task_id="bind", blueprint=blueprint_of(rig, OperationKind.ROLLBACK))
    assert bind._mix(rig.world, Detection.from_json(NEWS)) is None
    assert bind._mix(rig.world, news) is None, "these releases declare no components: all of it goes back"
    files = {"shop/receipts.py": b"1", "shop/app.py": b"1"}
    store = rig.world.estate.artifacts.store  # type: ignore[attr-defined]
    made = [
        store.publish(v, n, {**files, "shop/app.py": v.encode()}, components={"receipts": ("shop/receipts.py",)})
        for v, n in (("3.0.0", 8), ("3.1.0", 9))
    ]
    with rig.world.journal.locked("shop") as txn:
        for release in made:
            body = {"release": release_to_json(release), "slot": "a"}
            txn.append(EventKind.BASELINE_CERTIFIED, body, actor="test")
    fit = replace(news, target="3.1.0+receipts@3.0.0")
    assert bind._mix(rig.world, fit) == "3.1.0+receipts@3.0.0"
