"""What turns out not to be needed is recorded at once, as far as the first node that is."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.estate import Rig, build
from tests.support.operations import advance, now, open_promotion, settle, small_policy
from tidegate.engine.close import close_operation
from tidegate.engine.execute import run_step
from tidegate.engine.turn import turn_back
from tidegate.engine.unneeded import record_unneeded
from tidegate.engine.view import OperationView
from tidegate.model.operation import Outcome


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    made = build(tmp_path, small_policy())
    made.users.rate = 40.0
    return made


def unneeded(rig: Rig, view: OperationView, after: str) -> list[str]:
    return [node.id for node in record_unneeded(rig.world, view.id, after, actor="test")]


def ids(view: OperationView, stage: str) -> list[str]:
    return [n.id for s, n in view.plan.nodes() if s.id == stage]


def test_a_good_release_needs_no_way_back(rig: Rig) -> None:
    view = advance(rig, open_promotion(rig, "1.1.0"), "return.stop-loss")
    back = ids(view, "return")
    last = next(n.id for _, n in reversed(list(view.plan.nodes())) if n.id not in back)
    assert unneeded(rig, view, last) == back
    then = now(rig, view)
    assert {then.node(n).detail for n in back} == {"nothing to do: the release is a baseline"}
    assert close_operation(rig.world, view.id, actor="test").outcome is Outcome.PROMOTED


def test_until_the_way_forward_is_complete_nothing_of_the_way_back_is_left_out(rig: Rig) -> None:
    view = advance(rig, open_promotion(rig, "1.1.0"), "wave-2.shift-100")
    rows = len(rig.world.journal.events("shop"))
    assert [unneeded(rig, view, n.id) for _, n in view.plan.nodes() if view.verified(n.id)] == [
        [] for _, n in view.plan.nodes() if view.verified(n.id)
    ]
    assert unneeded(rig, view, "wave-2.gate-100") == [], "not settled itself: what it comes to is not known"
    assert len(rig.world.journal.events("shop")) == rows


def test_the_rungs_above_the_last_one_are_left_out_and_what_concludes_is_not(rig: Rig) -> None:
    view = advance(rig, open_promotion(rig, "1.1.0"), "wave-1.gate-25")
    view = turn_back(rig.world, view.id, why="a test", actor="test")
    back = ids(view, "return")
    for_traffic = back[: back.index("return.rung-traffic") + 1]
    view = walk_back(rig, view, for_traffic)
    above = unneeded(rig, view, "return.rung-traffic")
    assert above == back[len(for_traffic) : back.index("return.conclude")]
    assert not now(rig, view).verified("return.conclude")


def walk_back(rig: Rig, view: OperationView, nodes: list[str]) -> OperationView:
    """Those nodes of a way back, in order."""
    for node_id in nodes:
        settle(rig, view, view.plan.node(node_id)[1])
    return now(rig, view)


def test_it_is_told_again_and_recorded_once(rig: Rig) -> None:
    view = open_promotion(rig, "1.1.0")
    view = turn_back(rig.world, view.id, why="a test", actor="test")
    assert run_step(rig.world, view.id, "return.stop-loss", actor="test").outcome == "nothing_to_do"
    first = unneeded(rig, view, "return.stop-loss")
    rows = len(rig.world.journal.events("shop"))
    assert first == ids(view, "return")[1:], "nothing had been touched"
    assert unneeded(rig, view, "return.stop-loss") == first
    assert len(rig.world.journal.events("shop")) == rows
    close_operation(rig.world, view.id, actor="test")
    assert unneeded(rig, view, "return.stop-loss") == first, "a run that is cleared after its end skips them again"
