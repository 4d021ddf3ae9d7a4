"""From a loss in the journal to ``failover__<service>``: one event for each, and the guard's operation carried on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.airflow_runs import blueprint_of, context
from tests.support.estate import build
from tests.support.losing import Eyed
from tests.support.moving import move, moving_policy
from tidegate.engine import region_loss
from tidegate.engine.runner import drive
from tidegate.journal.model import EventKind
from tidegate.model.operation import OperationKind, Outcome

pytestmark = pytest.mark.airflow
Estates = Callable[[str], Eyed]


@pytest.fixture
def estate(tmp_path: Path) -> Iterator[Estates]:
    """A service whose policy says what follows a loss; Airflow's side knows it."""
    from tidegate.workflow import worlds

    with ExitStack() as ending:

        def made(then: str) -> Eyed:
            rig = build(tmp_path, moving_policy(synchronous="block", decide={"then": then}))
            rig.users.rate = 12.0
            assert move(rig, OperationKind.REPROTECT).outcome is Outcome.REPROTECTED
            ending.enter_context(worlds.prepared(rig.world))
            return Eyed(rig)

        yield made


def watch() -> Any:
    from tidegate.workflow.loss_watcher import LossWatch

    return LossWatch("shop")


def lost(it: Eyed) -> region_loss.Episode:
    it.lose("east")
    it.rig.clock.sleep(2)
    told = region_loss.episode(it.rig.world.journal, "shop")
    assert told is not None
    return told


def run_of(it: Eyed, detection: Any, run_id: str = "asset_triggered__1") -> dict[str, Any]:
    event = SimpleNamespace(extra={"from_trigger": True, "payload": detection.to_json()})
    run = SimpleNamespace(run_type="asset_triggered", triggering_user_name=None)
    return context(run_id, dag_run=run, triggering_asset_events={"asset": [event]})


def bound(it: Eyed, given: dict[str, Any]) -> str:
    from tidegate.workflow.bind import BindOperator

    blueprint = blueprint_of(it.rig, OperationKind.FAILOVER)
    return str(BindOperator(blueprint=blueprint, task_id="bind").execute(given))


def test_a_page_starts_nothing(estate: Estates) -> None:
    it = estate("page")
    lost(it)
    assert watch().look() is None


def test_approve_is_told_at_once_and_once(estate: Estates) -> None:
    it = estate("approve")
    told, looking = lost(it), watch()
    found = looking.look()
    assert (found.id, found.service, found.reason) == (told.id, "shop", told.why)
    assert looking.look() is None


def test_the_guard_has_the_first_seconds_for_itself(estate: Estates) -> None:
    it = estate("act")
    told, looking = lost(it), watch()
    assert looking.look() is None, "the guard is at it"
    it.act()
    assert looking.look().id == told.id, "and once it is done, the DAG carries on"


def test_if_the_guard_does_not_the_dag_does(estate: Estates) -> None:
    it = estate("act")
    told, looking = lost(it), watch()
    it.rig.clock.sleep(5)
    assert looking.look().id == told.id


def test_old_news_and_what_is_over_are_not_told(estate: Estates) -> None:
    it = estate("act")
    told = lost(it)
    it.act()
    drive(it.rig.world, told.operation, actor="test")
    assert watch().look() is None, "a trigger that starts anew"


def test_news_that_nobody_took_up_are_void(estate: Estates) -> None:
    it = estate("approve")
    lost(it)
    it.rig.clock.ticks.clear()
    it.rig.clock.sleep(region_loss.VOID_AFTER)
    assert watch().look() is None


def test_a_journal_that_cannot_be_read_is_said_once_and_tried_again(
    estate: Estates, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    it = estate("approve")
    told, looking = lost(it), watch()
    with monkeypatch.context() as broken:
        broken.setattr(region_loss, "episode", lambda *_: 1 / 0)
        assert [looking.look() for _ in range(3)] == [None] * 3
    assert caplog.text.count("the losses of shop cannot be read") == 1
    assert looking.look().id == told.id


def test_the_run_carries_the_guard_s_operation_on(estate: Estates) -> None:
    from tidegate.workflow import pages
    from tidegate.workflow.detection import operation_of

    it = estate("act")
    told = lost(it)
    it.act()
    given = run_of(it, watch().look())
    assert bound(it, given) == told.operation
    assert it.failovers() == [told.operation], "no second one"
    assert operation_of(blueprint_of(it.rig, OperationKind.FAILOVER), given) == told.operation
    assert pages.operation_of("failover__shop", "asset_triggered__1") == told.operation


def test_the_run_opens_it_where_the_guard_has_not_and_the_guard_finds_it(estate: Estates) -> None:
    it = estate("act")
    told = lost(it)
    it.rig.clock.sleep(5)
    assert bound(it, run_of(it, watch().look())) == told.operation
    it.act()
    assert it.failovers() == [told.operation]
    assert it.rig.database.writers() == ("west",)


def test_a_second_run_for_the_same_loss_has_nothing_to_do(estate: Estates) -> None:
    from airflow.sdk.exceptions import DownstreamTasksSkipped

    from tidegate.workflow.outcome import OutcomeOperator

    it = estate("act")
    told = lost(it)
    it.act()
    found = watch().look()
    drive(it.rig.world, told.operation, actor="test")
    again = run_of(it, found, "asset_triggered__2")
    with pytest.raises(DownstreamTasksSkipped):
        bound(it, again)
    blueprint = blueprint_of(it.rig, OperationKind.FAILOVER)
    OutcomeOperator(blueprint=blueprint, task_id="outcome").execute(again)
    notes = it.rig.world.journal.events("shop", kinds={EventKind.NOTE})
    assert "is over already: failed_over" in str(notes[-1].body["why"])


def test_the_dag_waits_for_losses_where_its_policy_says_more_than_a_page(estate: Estates) -> None:
    from tidegate.workflow.dag import build as dag_of
    from tidegate.workflow.loss_watcher import LossTrigger

    it = estate("act")
    (asset,) = dag_of(blueprint_of(it.rig, OperationKind.FAILOVER)).timetable.asset_condition.objects
    (watcher,) = asset.watchers
    assert asset.uri == "x-tidegate://shop/loss"
    assert isinstance(watcher.trigger, LossTrigger)
    assert watcher.trigger.serialize()[1]["service"] == "shop"


def test_a_page_needs_no_asset(estate: Estates) -> None:
    from tidegate.workflow.dag import build as dag_of

    it = estate("page")
    assert type(dag_of(blueprint_of(it.rig, OperationKind.FAILOVER)).timetable).__name__ == "NullTimetable"
