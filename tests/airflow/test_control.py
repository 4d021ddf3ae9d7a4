"""Pause, resume and abort inside Airflow: tasks that wait out a pause, and the DAG ``control__<service>``."""

from __future__ import annotations

import itertools
import os
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.scenarios.test_crash_matrix import small_policy
from tests.support.airflow_runs import blueprint_of, context, loaded_of
from tests.support.estate import Rig, build, quick_policy
from tests.support.operations import weights
from tidegate.engine import carriers, control
from tidegate.engine.execute import run_step
from tidegate.engine.open import Request, open_operation
from tidegate.engine.turn import declare_stop_loss
from tidegate.engine.view import fold_operation, require
from tidegate.errors import Refused
from tidegate.model.operation import OperationKind
from tidegate.policy.schema import Approval

pytestmark = pytest.mark.airflow
RUN = "manual__1"
BY = {"person": "ann", "reason": "customers call", "actor": "test"}


def opened(rig: Rig) -> str:
    """The operation of the run that :func:`context` is about."""
    blueprint = blueprint_of(rig)
    request = Request(OperationKind.PROMOTION, blueprint.request_id(RUN), "cat", "a test", "1.1.0")
    return open_operation(rig.world, request, blueprint.plan, actor="test").id


def task(rig: Rig, node: str) -> Any:
    from tidegate.workflow.dag import build as build_dag

    return build_dag(blueprint_of(rig)).task_dict[node]


@pytest.mark.parametrize("node", ["admit.verify", "admit.guard", "wave-1.approve-25"])
def test_a_task_that_meets_a_pause_waits_in_the_triggerer(tmp_path: Path, node: str) -> None:
    from airflow.sdk.exceptions import TaskDeferred

    from tidegate.workflow.hold_trigger import HoldTrigger
    from tidegate.workflow.worlds import prepared

    rig = build(tmp_path, quick_policy(approvals=(Approval(before="25%", people=("ann", "ben"), within="60s"),)))
    operation = opened(rig)
    control.pause(rig.world, operation, **BY)
    with prepared(rig.world), pytest.raises(TaskDeferred) as deferred:
        task(rig, node).execute(context(RUN, node))
    assert isinstance(deferred.value.trigger, HoldTrigger)
    assert deferred.value.method_name == "after_hold"
    ids = {"service": "shop", "operation": operation, "node": node}
    assert deferred.value.trigger.serialize()[1] == ids, "ids only"
    with prepared(rig.world):
        assert deferred.value.trigger.look() is None
        control.resume(rig.world, operation, **BY)
        assert deferred.value.trigger.look() == "nobody holds the operation"


def test_after_the_pause_the_task_does_its_work(tmp_path: Path) -> None:
    from tidegate.workflow.worlds import prepared

    rig = build(tmp_path, small_policy())
    operation = opened(rig)
    control.pause(rig.world, operation, **BY)
    control.resume(rig.world, operation, **BY)
    with prepared(rig.world):
        task(rig, "admit.verify").after_hold(context(RUN, "admit.verify"), {"why": "nobody holds the operation"})
    assert require(fold_operation(rig.world.journal.events("shop", operation=operation)), operation).verified(
        "admit.verify"
    )


def test_a_stop_loss_during_a_pause_ends_the_wait_of_the_way_forward_only(tmp_path: Path) -> None:
    from tidegate.workflow.hold_trigger import HoldTrigger
    from tidegate.workflow.worlds import prepared

    rig = build(tmp_path, small_policy())
    operation = opened(rig)
    control.pause(rig.world, operation, **BY)
    declare_stop_loss(rig.world, operation, why="errors", evidence={}, actor="guard")
    with prepared(rig.world):
        assert "errors" in str(HoldTrigger("shop", operation, "wave-1.gate-25").look())
        assert HoldTrigger("shop", operation, "return.restore-1").look() is None, "the way back waits for a person"
    beat = rig.world.journal.beats("shop")[carriers.BEAT]
    assert (beat.body["operation"], beat.body["node"]) == (operation, "return.restore-1"), "and is carried on"


ORDERS = itertools.count()


def ask(
    rig: Rig,
    action: str,
    *,
    user: str | None = "ann",
    at: datetime | None = None,
    run: str = "",
    ready: bool = True,
    **more: Any,
) -> None:
    """Run the one task of ``control__shop``, in a run of its own if none is named."""
    from tidegate.workflow.control import build_control
    from tidegate.workflow.worlds import prepared

    (only,) = build_control(loaded_of(rig)).tasks
    dag_run = SimpleNamespace(
        run_type="manual", triggering_user_name=user, run_after=at or datetime(2100, 1, 1, tzinfo=UTC)
    )
    params = {"action": action, "reason": "customers call", **more}
    with prepared(rig.world) if ready else nullcontext():
        only.execute(context(run or f"manual__{next(ORDERS)}", "control", dag_run=dag_run, params=params))


def test_control_acts_in_the_triggering_users_name(tmp_path: Path) -> None:
    rig = build(tmp_path, small_policy())
    operation = opened(rig)
    for action in ("pause", "resume", "abort"):
        ask(rig, action)
    rows = rig.world.journal.events("shop", operation=operation)
    by_hand = [(e.kind.value, e.body["person"], e.body["why"]) for e in rows if "person" in e.body]
    assert by_hand == [
        ("held", "ann", "customers call"),
        ("resumed", "ann", "customers call"),
        ("turned_back", "ann", "aborted by ann: customers call"),
    ]
    assert all(e.actor.startswith("airflow ") for e in rows if "person" in e.body)
    assert len({e.body["order"] for e in rows if "person" in e.body}) == 3, "each names its run"


def test_an_abort_from_airflow_makes_traffic_safe_in_the_task_itself(tmp_path: Path) -> None:
    rig = build(tmp_path, small_policy(), guarded=False)
    rig.watch.step()
    operation = opened(rig)
    for node in ("admit.verify", "snapshot.take", "wave-1.deploy", "wave-1.shift-25"):
        _open_gate(rig, operation, node)
        run_step(rig.world, operation, node, actor="test")
    assert weights(rig)["east-b"] == 1250
    ask(rig, "abort")
    assert weights(rig) == {"east-a": 5000, "west-a": 5000}


def _open_gate(rig: Rig, operation: str, node: str) -> None:
    from tidegate.engine.gates import look_at_gate

    gate = {"snapshot.take": "admit.guard", "wave-1.shift-25": "wave-1.ready"}.get(node)
    while gate and not look_at_gate(rig.world, operation, gate, actor="test").final:
        rig.clock.sleep(0.25)
        rig.watch.step()


def test_control_without_an_operation_or_a_name_says_so(tmp_path: Path) -> None:
    rig = build(tmp_path, small_policy())
    with pytest.raises(Refused, match="no operation of shop is open"):
        ask(rig, "pause")
    operation = opened(rig)
    with pytest.raises(Refused, match="nobody's name"):
        ask(rig, "pause", user=None)
    assert [e.kind.value for e in rig.world.journal.events("shop", operation=operation)] == ["operation_opened"]


def test_what_was_asked_before_the_operation_began_is_not_meant_for_it(tmp_path: Path) -> None:
    rig = build(tmp_path, small_policy())
    operation = opened(rig)
    before = datetime.fromtimestamp(rig.clock.now() - 60, UTC)
    with pytest.raises(Refused, match="cannot have been meant"):
        ask(rig, "abort", at=before)
    ask(rig, "pause", at=before, operation=operation)


def kinds(rig: Rig, operation: str) -> list[str]:
    return [e.kind.value for e in rig.world.journal.events("shop", operation=operation)]


def moment(rig: Rig) -> datetime:
    """Now; and what is done next is done later."""
    now = datetime.fromtimestamp(rig.clock.now(), UTC)
    rig.clock.sleep(1)
    return now


@pytest.mark.parametrize("again", ["pause", "resume", "abort"])
def test_a_run_that_is_tried_again_does_not_do_its_deed_twice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], again: str
) -> None:
    """ann's resume is written, her worker dies, bob pauses from the page: the retry must not lift his pause."""
    rig = build(tmp_path, small_policy())
    operation = opened(rig)
    control.pause(rig.world, operation, **BY)
    if again == "pause":
        control.resume(rig.world, operation, **BY)
    at = moment(rig)
    ask(rig, again, at=at, run="hers")
    if again != "abort":
        (control.resume if again == "pause" else control.pause)(
            rig.world, operation, person="bob", reason="wait", actor="page of shop"
        )
    before = kinds(rig, operation)
    ask(rig, again, at=at, run="hers")
    assert [k for k in kinds(rig, operation)[len(before) :] if k in ("held", "resumed", "turned_back")] == []
    assert f"Done already: {operation} was" in capsys.readouterr().out


def test_a_run_that_had_done_its_deed_succeeds_when_the_operation_is_over(tmp_path: Path) -> None:
    from tidegate.engine.runner import drive

    rig = build(tmp_path, small_policy())
    operation = opened(rig)
    at = moment(rig)
    ask(rig, "abort", at=at, run="hers")
    drive(rig.world, operation, actor="test")
    before = kinds(rig, operation)
    ask(rig, "abort", at=at, run="hers")
    assert kinds(rig, operation) == before


@pytest.mark.parametrize("action", ["resume", "abort"])
def test_an_old_order_is_void_once_somebody_has_used_a_control(tmp_path: Path, action: str) -> None:
    """Cleared by somebody without a role, it would act in the name of whoever had triggered it then."""
    rig = build(tmp_path, small_policy())
    operation = opened(rig)
    at = moment(rig)
    control.pause(rig.world, operation, person="bob", reason="wait", actor="page of shop")
    before = kinds(rig, operation)
    with pytest.raises(Refused, match="bob has used a control since") as refused:
        ask(rig, action, at=at)
    assert "trigger it anew in your own name" in refused.value.next_step
    assert kinds(rig, operation) == before
    ask(rig, action)  # anew: asked for after bob's
    assert kinds(rig, operation) != before


def test_a_failure_that_turned_it_back_voids_no_order(tmp_path: Path) -> None:
    from tidegate.engine.turn import turn_back

    rig = build(tmp_path, small_policy())
    operation = opened(rig)
    at = moment(rig)
    turn_back(rig.world, operation, why="a step failed", actor="test")
    ask(rig, "pause", at=at)
    assert kinds(rig, operation)[-1] == "held"


def test_control_needs_no_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from tidegate.drivers.credentials import from_environment
    from tidegate.workflow import worlds

    rig = build(tmp_path, small_policy())
    operation = opened(rig)
    monkeypatch.setenv("TIDEGATE_HOME", str(tmp_path))
    monkeypatch.setenv("TIDEGATE_JOURNAL", f"sqlite:///{tmp_path / 'journal.sqlite'}")
    monkeypatch.setattr(worlds, "from_airflow", from_environment)  # Airflow's own needs a metadata database
    for variable in [name for name in os.environ if name.startswith("AIRFLOW_CONN_")]:
        monkeypatch.delenv(variable)
    for action in ("pause", "resume", "abort"):
        ask(rig, action, ready=False)
    assert kinds(rig, operation) == ["operation_opened", "held", "resumed", "turned_back"]
    assert "Is it safe? Not yet: this process cannot reach the estate: connection 'shop_" in capsys.readouterr().out
