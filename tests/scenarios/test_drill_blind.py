"""Monitoring goes blind while a good release is promoted: on the memory estate, there and back to its steady state."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.drills import Stage, stage
from tests.support.lab import until
from tidegate.drill.blind import forward
from tidegate.drill.hands import AtTerminal, Begun
from tidegate.drill.session import hold
from tidegate.drivers.faults.contract import Fault, FaultKind
from tidegate.engine import gates
from tidegate.engine.region_loss import LOST
from tidegate.journal.model import Event, EventKind
from tidegate.model.drill import DrillResult, Phase, Scenario
from tidegate.model.operation import OperationKind, operation_id
from tidegate.model.verdict import Evidence, Verdict

BLIND = Scenario.MONITORING_BLIND
SEEN_FOR = 5.0  # seconds: the policy's judge.stale_after


def blinded(tmp_path: Path, **rehearsal: object) -> Stage:
    found = stage(tmp_path, {"monitoring_blind": {"version": "1.1.0", "lasts": "30s", "within": "300s", **rehearsal}})
    found.beside_the_drill(found.hands.carry)
    return found


def held(found: Stage) -> DrillResult:
    (result,) = hold(found.cast, [BLIND]).results
    return result


def goes_silent(found: Stage) -> None:
    """The log can be read, and no line is added to it."""
    push = found.rig.metrics.push
    inject, lift = found.faults.on_inject, found.faults.on_lift

    def injected(fault: Fault) -> None:
        inject(fault)
        if fault.kind is FaultKind.METRICS_BLIND:
            found.rig.metrics.faults.unreachable = None
            found.rig.metrics.push = lambda observations: None  # type: ignore[method-assign]

    def lifted(fault: Fault) -> None:
        lift(fault)
        found.rig.metrics.push = push  # type: ignore[method-assign]

    found.faults.on_inject, found.faults.on_lift = injected, lifted


@pytest.mark.parametrize("silent", [False, True], ids=["away", "silent"])
def test_the_promotion_holds_and_comes_to_its_end_once_sight_is_back(tmp_path: Path, silent: bool) -> None:
    found = blinded(tmp_path)
    if silent:
        goes_silent(found)
    result = held(found)
    assert result.ok, "\n".join(found.said)
    assert (result.kind, result.outcome) == ("promotion", "promoted")
    assert result.times.detect is not None
    assert 0 < result.times.detect <= SEEN_FOR + 1.0
    assert [kind for kind, _ in found.hands.asked] == [OperationKind.PROMOTION, OperationKind.ROLLBACK], "and home"
    told = [row for row in found.rows(EventKind.DRILL_PHASE) if row["phase"] == Phase.FAULT.value]
    assert told[0]["why"] == "metrics_blind, once users have met 1.1.0"
    assert found.faults.active() == ()
    assert found.rig.metrics.faults.unreachable is None


def test_it_holds_for_as_long_as_nothing_is_seen(tmp_path: Path) -> None:
    """The weight that it has when it goes blind is the weight that it has until sight is back."""
    found = blinded(tmp_path)
    weights: list[str] = []

    def look(_: float) -> None:
        if found.rig.metrics.faults.unreachable is not None:
            weights.append(str(found.rig.traffic.observe().split))

    found.rig.clock.ticks.append(look)
    assert held(found).ok, found.said
    assert len(weights) >= 30 / 0.25, "it was really blind"
    assert len(set(weights)) == 1, weights


def opens_blind(monkeypatch: pytest.MonkeyPatch, when: Callable[[], bool]) -> None:
    """A gate that takes nothing for a pass, which is what the drill is there to find."""
    real = gates._KINDS["evidence"]

    def blindly(*args: object) -> Evidence:
        found = real(*args)  # type: ignore[arg-type]
        return dataclasses.replace(found, verdict=Verdict.PASS) if when() else found

    monkeypatch.setattr(gates, "_KINDS", {**gates._KINDS, "evidence": blindly, "bake": blindly})


def test_a_gate_that_opens_blind_fails_the_drill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = blinded(tmp_path)
    metrics, clock = found.rig.metrics.faults, found.rig.clock
    since: list[float] = []

    def long_blind() -> bool:
        if metrics.unreachable is not None:
            since.append(clock.now())
        return metrics.unreachable is not None and clock.now() - since[0] > SEEN_FOR + 10.0

    opens_blind(monkeypatch, long_blind)
    result = held(found)
    assert not result.ok
    assert any("opened while nothing was measured" in one for one in result.wrong), result.wrong
    assert any("gave the release more users while nothing was measured" in one for one in result.wrong), result.wrong
    assert result.outcome == "promoted", "which alone would have looked well"


def test_a_promotion_that_turns_back_for_blindness_fails_the_drill(tmp_path: Path) -> None:
    found = blinded(tmp_path, lasts="6m", within="30m")
    goes_silent(found)
    result = held(found)
    assert not result.ok
    assert any("expected promoted" in one for one in result.wrong), result.wrong


@pytest.mark.parametrize("what", ["an operation", "a loss"])
def test_what_begins_because_of_blindness_alone_fails_the_drill(tmp_path: Path, what: str) -> None:
    found = blinded(tmp_path)
    world, begun = found.rig.world, list[str]()

    def panics() -> None:
        found.hands.carry()
        if found.rig.metrics.faults.unreachable is None or begun:
            return
        begun.append(what)
        kind = EventKind.OPERATION_OPENED if what == "an operation" else EventKind.NOTE
        with world.journal.locked(world.service) as txn:
            if kind is EventKind.NOTE:
                body = {"what": LOST, "id": "loss-1", "region": "east", "lost": "region", "why": "east is dark",
                        "seen_by": ["guard"], "observed_at": 1.0, "then": "page", "because": ""}  # fmt: skip
                txn.append(kind, body, actor="guard", operation="shop-failover-0000000000000000")
            else:
                txn.append(kind, {"kind": "failover"}, actor="guard", operation="shop-failover-0000000000000000")

    found.beside_the_drill(panics)
    result = held(found)
    assert begun
    wanted = "blindness alone is no reason to" if what == "an operation" else "a loss was declared"
    assert any(wanted in one for one in result.wrong), result.wrong


def test_a_fault_that_blinds_nobody_fails_the_drill(tmp_path: Path) -> None:
    """Or a drill in which everything is seen would prove that nothing goes forward blind."""
    found = blinded(tmp_path, within="40s")
    found.faults.on_inject = lambda fault: None
    result = held(found)
    assert not result.ok
    assert any("did not wait for sight" in one for one in result.wrong), result.wrong


def test_an_environment_that_cannot_be_blinded_is_told_so_before_anything_is_touched(tmp_path: Path) -> None:
    found = blinded(tmp_path)
    found.faults._kinds = frozenset({FaultKind.REGION_DEAD})
    result = held(found)
    assert "preconditions: shop cannot have metrics_blind put in" in result.wrong
    assert found.hands.asked == []


def test_what_opened_before_and_after_was_not_blind(tmp_path: Path) -> None:
    found = blinded(tmp_path)
    result = held(found)
    world = found.rig.world
    rows: list[Event] = world.journal.events(world.service, operation=result.operation)
    view = found.hands._view()
    assert view is not None
    assert list(forward(view.plan, rows, result.ended, result.ended + 1)) == []
    everything = list(forward(view.plan, rows, result.began, result.ended))
    assert sum("opened while" in one for one in everything) >= 2
    assert sum("more users" in one for one in everything) >= 2


def test_a_promotion_that_nobody_carries_is_said_at_once(tmp_path: Path) -> None:
    """With the words of the command that was to, instead of a wait until the scenario's time is over."""
    found = blinded(tmp_path)
    found.hands.begin = lambda kind, conf, request_id: Begun("shop-promotion-0", lambda: "no release 1.1.0")  # type: ignore[method-assign]
    began = found.rig.clock.now()
    result = held(found)
    assert any("the promotion was not carried on: no release 1.1.0" in one for one in result.wrong), result.wrong
    assert found.rig.clock.now() - began < 60


class Typed(AtTerminal):
    """Another command in the place of `tidegate run`."""

    def command(self, kind: OperationKind, conf: Mapping[str, Any], request_id: str) -> list[str]:
        return ["sh", "-c", str(conf["typed"])]


def test_what_is_begun_at_a_terminal_goes_on_beside_the_drill(tmp_path: Path) -> None:
    go, done = tmp_path / "go", tmp_path / "done"
    os.mkfifo(go)
    typed = {"typed": f"cat {go} && touch {done}"}
    begun = Typed("shop", "ann").begin(OperationKind.PROMOTION, typed, "drill-1")
    assert (begun.said(), done.exists()) == ("", False)
    go.write_text("")
    until(done.exists, 30, "it did not go on")
    assert begun.operation == operation_id("shop", OperationKind.PROMOTION, "drill-1")


def test_why_it_came_to_nothing_at_a_terminal_is_known(tmp_path: Path) -> None:
    typed = {"typed": "echo no such release >&2; exit 4"}
    begun = Typed("shop", "ann").begin(OperationKind.PROMOTION, typed, "drill-1")
    until(lambda: bool(begun.said()), 30, "nobody says why")
    assert "ended with 4: no such release" in begun.said()
