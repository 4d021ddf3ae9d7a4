"""Rule 3. A stale actor is refused: epoch at the journal, and at the system itself where it can hold one.

Router and slots hold epochs of their own (``tests/contracts``). Here: the engine, which must notice by itself where a
system cannot.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.estate import Rig, build
from tests.support.operations import advance, now, open_promotion, small_policy, weights
from tidegate.drivers.compute.contract import SlotState
from tidegate.drivers.token import Token
from tidegate.engine.execute import run_step
from tidegate.engine.gates import look_at_gate
from tidegate.engine.runner import drive
from tidegate.engine.takeover import take_over
from tidegate.engine.turn import declare_stop_loss, turn_back
from tidegate.engine.view import STOP_LOSS_NODE
from tidegate.engine.watchkeeping import renew_lease
from tidegate.errors import LeaseLost, Refused
from tidegate.journal.model import Event, EventKind
from tidegate.model.operation import Outcome
from tidegate.model.topology import Arm
from tidegate.model.traffic import Split

STABLE = {"east-a": 5000, "west-a": 5000}


def when_intended(node: str, act: Callable[[], object]) -> Callable[[Event], None]:
    """Runs ``act`` once, right after the intent of ``node`` is committed: its actor is between intent and effect."""
    left = [act]

    def seen(event: Event) -> None:
        if left and event.kind is EventKind.STEP_INTENDED and event.body["node"] == node:
            left.pop()()

    return seen


def test_whoever_lost_the_lease_begins_nothing(tmp_path: Path) -> None:
    rig = build(tmp_path, small_policy())
    view = open_promotion(rig, "1.1.0")
    with rig.world.journal.locked("shop") as txn:
        txn.set_lease(None)
        txn.append(EventKind.NOTE, {"what": "the lease is gone"}, actor="test", operation=view.id)
    with pytest.raises(LeaseLost, match="is held by nobody"):
        run_step(rig.world, view.id, "admit.verify", actor="test")


def test_whoever_was_superseded_stops_before_the_effect(tmp_path: Path) -> None:
    """The slot knows of no newer epoch yet, so it would take the order: the engine looks once more first."""
    hooks: list[Callable[[Event], None]] = []
    rig = build(tmp_path, small_policy(), after_commit=lambda event: [hook(event) for hook in hooks])
    view = advance(rig, open_promotion(rig, "1.1.0"), "wave-1.deploy")
    hooks.append(when_intended("wave-1.deploy", lambda: take_over(rig.world, view.id, person="ann", reason="it hangs")))
    with pytest.raises(LeaseLost, match="superseded"):
        run_step(rig.world, view.id, "wave-1.deploy", actor="test")
    assert rig.effects() == []


def stopped_under_way(rig: Rig, operation: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next shift is held up on its way to the router until the stop-loss is done."""
    arrive = rig.traffic.apply

    def held_up(split: Split, token: Token) -> None:
        monkeypatch.setattr(rig.traffic, "apply", arrive)
        assert declare_stop_loss(rig.world, operation, why="a test", evidence={}, actor="guard")
        run_step(rig.world, operation, STOP_LOSS_NODE, actor="guard")
        arrive(split, token)

    monkeypatch.setattr(rig.traffic, "apply", held_up)


def test_a_shift_on_its_way_is_fenced_by_the_stop_loss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rig = build(tmp_path, small_policy())
    view = advance(rig, open_promotion(rig, "1.1.0"), "wave-1.shift-100")
    stopped_under_way(rig, view.id, monkeypatch)
    with pytest.raises(LeaseLost, match="the router is at epoch"):
        run_step(rig.world, view.id, "wave-1.shift-100", actor="test")
    assert weights(rig) == STABLE


def test_a_first_shift_that_arrives_late_is_fenced_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stop-loss finds nothing to take away, and leaves its epoch at the router all the same."""
    rig = build(tmp_path, small_policy())
    view = advance(rig, open_promotion(rig, "1.1.0"), "wave-1.shift-25")
    stopped_under_way(rig, view.id, monkeypatch)
    with pytest.raises(LeaseLost, match="the router is at epoch"):
        run_step(rig.world, view.id, "wave-1.shift-25", actor="test")
    assert weights(rig) == STABLE


def test_the_declaration_of_a_stop_loss_alone_stops_a_shift(tmp_path: Path) -> None:
    """Between the declaration and its effect nobody else's effect begins."""
    hooks: list[Callable[[Event], None]] = []
    rig = build(tmp_path, small_policy(), after_commit=lambda event: [hook(event) for hook in hooks])
    view = advance(rig, open_promotion(rig, "1.1.0"), "wave-1.shift-25")
    rig.guard_alive = False

    def declare() -> None:
        assert declare_stop_loss(rig.world, view.id, why="a test", evidence={}, actor="guard")

    hooks.append(when_intended("wave-1.shift-25", declare))
    with pytest.raises(LeaseLost):
        run_step(rig.world, view.id, "wave-1.shift-25", actor="test")
    assert weights(rig) == STABLE


def test_on_the_way_back_nothing_goes_forward(tmp_path: Path) -> None:
    rig = build(tmp_path, small_policy())
    view = advance(rig, open_promotion(rig, "1.1.0"), "wave-1.shift-25")
    turn_back(rig.world, view.id, why="a test", actor="test")
    with pytest.raises(LeaseLost, match="is on its way back: a test"):
        run_step(rig.world, view.id, "wave-1.shift-25", actor="test")


def test_a_gate_does_not_open_for_an_operation_that_was_stopped_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = build(tmp_path, small_policy())
    view = advance(rig, open_promotion(rig, "1.1.0"), "wave-1.ready")
    rig.clock.sleep(1)  # the edge sees the new instances healthy
    answer = rig.compute.observe

    def stopped_while_it_looks(arm: Arm) -> SlotState:
        monkeypatch.setattr(rig.compute, "observe", answer)
        turn_back(rig.world, view.id, why="a test", actor="test")
        return answer(arm)

    monkeypatch.setattr(rig.compute, "observe", stopped_while_it_looks)
    with pytest.raises(LeaseLost, match="is on its way back"):
        look_at_gate(rig.world, view.id, "wave-1.ready", actor="test")
    assert not now(rig, view).verified("wave-1.ready")


def test_a_closed_operation_runs_nothing(tmp_path: Path) -> None:
    rig = build(tmp_path, small_policy())
    view = drive(rig.world, open_promotion(rig, "9.9.9").id, actor="test")
    assert view.outcome is Outcome.REFUSED
    with pytest.raises(Refused, match="is closed: refused"):
        run_step(rig.world, view.id, "snapshot.take", actor="test")


def test_an_expired_lease_is_not_renewed_silently(tmp_path: Path) -> None:
    rig = build(tmp_path, small_policy())
    open_promotion(rig, "1.1.0")
    expired = rig.world.journal.head("shop").lease
    rig.clock.at += 60
    renew_lease(rig.world)
    assert rig.world.journal.head("shop").lease == expired
