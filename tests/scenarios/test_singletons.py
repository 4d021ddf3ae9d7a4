"""Jobs of which one at most runs in the whole service: they stop at the fence, start under the new epoch, and whoever
is killed on the way, there are never two of them and never none at the end."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.test_crash_matrix import Fuse, Killed, _Freeze, made
from tests.support.estate import Rig, build
from tests.support.moving import PLANNERS, both_sign, move, moving_policy, open_move
from tests.support.operations import advance, now
from tidegate.drivers.token import Token
from tidegate.engine.execute import run_step
from tidegate.engine.runner import Halt, drive
from tidegate.engine.view import OperationView
from tidegate.errors import LeaseLost, OutcomeUnknown, Refused
from tidegate.model.operation import OperationKind, Outcome
from tidegate.plan.singletons import START_NODE, STOP_NODE
from tidegate.policy.schema import Policy

AWAY, THERE, AGAIN = OperationKind.FAILOVER, OperationKind.SWITCHOVER, OperationKind.REPROTECT
JOB = "outbox"


def with_a_job(**changes: Any) -> Policy:
    return moving_policy(**changes).model_copy(update={"singletons": (JOB,)})


def prepare(tmp_path: Path, after_commit: Callable[[Any], None] | None = None) -> Rig:
    """The job runs in east, as a lab or a person has started it."""
    rig = build(tmp_path, with_a_job(synchronous="block"), after_commit=after_commit)
    rig.users.rate = 40.0
    move(rig, AGAIN)
    assert runs(rig).keys() == {"east"}, "a reprotect of a service that is well starts what does not run"
    rig.effects_log().clear()
    return rig


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return prepare(tmp_path)


def runs(rig: Rig) -> dict[str, int]:
    return rig.compute.running_singletons(JOB)


def dark(rig: Rig) -> None:
    """Every process of east is gone, the job's too."""
    rig.lose("east")
    rig.database.kill("east")
    rig.compute.force_singleton("east", JOB, None)


def in_order(rig: Rig) -> list[tuple[str, str]]:
    """What was done to the writer and to the job, one after the other."""
    verbs = {"start_singleton", "stop_singleton", "quiesce", "fence", "promote_database"}
    return [(e.verb, e.target) for e in rig.effects() if e.verb in verbs]


@pytest.mark.parametrize("kind", [AWAY, THERE, AGAIN], ids=str)
def test_a_policy_without_them_has_the_plans_that_it_had(kind: OperationKind) -> None:
    with_job, without = with_a_job(), moving_policy()
    nodes = [n.id for _, n in PLANNERS[kind](with_job, "sha256:policy").nodes()]
    plain = [n.id for _, n in PLANNERS[kind](without, "sha256:policy").nodes()]
    assert [n for n in nodes if "singletons" not in n] == plain
    assert nodes != plain
    assert "singleton" not in str(PLANNERS[kind](without, "sha256:policy").to_json())


def test_a_switchover_stops_them_before_writes_stop_and_starts_them_after_writes_go_on(rig: Rig) -> None:
    before = runs(rig)["east"]
    view = move(rig, THERE, "west")
    assert view.outcome is Outcome.SWITCHED_OVER
    verbs = [verb for verb, _ in in_order(rig)]
    assert verbs == ["stop_singleton", "quiesce", "fence", "promote_database", "start_singleton"]
    assert list(runs(rig)) == ["west"]
    assert runs(rig)["west"] > before
    assert view.facts[START_NODE]["epochs"] == {JOB: runs(rig)["west"]}


def test_they_move_in_the_critical_section(rig: Rig) -> None:
    from tidegate.engine.section import run_section

    view = advance(rig, open_move(rig, THERE, "west"), STOP_NODE)
    done = [report.node for report in run_section(rig.world, view.id, STOP_NODE, actor="one task")]
    assert done == [STOP_NODE, "cutover.quiesce", "cutover.fence", "cutover.promote", START_NODE]


def test_a_switchover_that_turns_back_starts_them_again_where_they_were(rig: Rig) -> None:
    before = runs(rig)["east"]
    view = advance(rig, open_move(rig, THERE, "west"), "cutover.quiesce")
    assert runs(rig) == {}
    rig.database.hold("west")
    rig.database.write("east", "the last order")
    assert drive(rig.world, view.id, actor="test").outcome is Outcome.TURNED_BACK
    assert list(runs(rig)) == ["east"]
    assert runs(rig)["east"] > before


def test_an_order_to_stop_that_is_late_is_refused_once_the_operation_has_turned_back(rig: Rig) -> None:
    """It may have been on its way: so the job is started anew, under a newer epoch, even if it never stopped."""
    from tidegate.engine.control import abort

    view = advance(rig, open_move(rig, THERE, "west"), STOP_NODE)
    late = Token(rig.world.journal.head("shop").epoch, view.id)
    abort(rig.world, view.id, person="cat", reason="not today", actor="cat")
    assert drive(rig.world, view.id, actor="test").outcome is Outcome.TURNED_BACK
    with pytest.raises(LeaseLost):
        rig.compute.stop_singleton("east", JOB, late)
    assert list(runs(rig)) == ["east"]


def test_a_source_that_does_not_stop_them_turns_a_switchover_back_before_writes_stop(rig: Rig) -> None:
    view = advance(rig, open_move(rig, THERE, "west"), STOP_NODE)
    rig.compute.faults.fail_at("stop_singleton", Refused("not now"))
    ended = drive(rig.world, view.id, actor="test")
    assert ended.outcome is Outcome.TURNED_BACK
    assert list(runs(rig)) == ["east"]
    assert "quiesce" not in [verb for verb, _ in in_order(rig)]


def test_a_failover_starts_them_without_asking_the_lost_region(rig: Rig) -> None:
    dark(rig)
    view = move(rig, AWAY, ask=both_sign(rig.world))
    assert view.outcome is Outcome.FAILED_OVER
    assert list(runs(rig)) == ["west"]
    assert view.facts[STOP_NODE]["stopped"] is False
    assert "refused by the database once a newer one has begun" in view.node(STOP_NODE).detail


def test_they_stop_where_the_database_alone_was_lost(rig: Rig) -> None:
    rig.database.kill("east")
    assert move(rig, AWAY, ask=both_sign(rig.world)).outcome is Outcome.FAILED_OVER
    assert list(runs(rig)) == ["west"]


def test_users_are_served_before_the_lost_region_is_asked(rig: Rig) -> None:
    nodes = [node.id for _, node in PLANNERS[AWAY](with_a_job(), "sha256:policy").nodes()]
    assert nodes.index("cutover.shift") < nodes.index(STOP_NODE) < nodes.index(START_NODE)


def test_a_lost_region_that_answers_and_does_not_stop_it_does_not_hold_the_failover(rig: Rig) -> None:
    rig.database.kill("east")
    rig.compute.faults.fail_at("stop_singleton", OutcomeUnknown("no answer"), done=False)
    view = move(rig, AWAY, ask=both_sign(rig.world))
    assert view.outcome is Outcome.FAILED_OVER
    assert runs(rig).keys() == {"east", "west"}, "the old one commits nothing: its epoch is refused by the database"
    assert move(rig, AGAIN).outcome is Outcome.REPROTECTED
    assert list(runs(rig)) == ["west"]


def test_what_started_by_itself_in_the_region_that_came_back_is_stopped(rig: Rig) -> None:
    dark(rig)
    move(rig, AWAY, ask=both_sign(rig.world))
    here = runs(rig)["west"]
    rig.compute.faults.lost.clear()
    rig.users.dark.clear()
    rig.database.comes_back("east")
    rig.compute.force_singleton("east", JOB, 3)
    assert move(rig, AGAIN).outcome is Outcome.REPROTECTED
    assert runs(rig) == {"west": here}, "and the one that works is left alone"


def test_none_is_started_while_writes_do_not_go_there_alone(rig: Rig) -> None:
    view = advance(rig, open_move(rig, THERE, "west"), START_NODE)
    rig.database.comes_back("east", as_writer=True)
    with pytest.raises(Refused, match="not to west alone: no singleton is started"):
        run_step(rig.world, view.id, START_NODE, actor="test")
    assert runs(rig) == {}


def test_two_are_never_started(rig: Rig) -> None:
    view = advance(rig, open_move(rig, THERE, "west"), START_NODE)
    rig.compute.force_singleton("east", JOB, 3)
    with pytest.raises(Refused, match="outbox runs in east: two are never started"):
        run_step(rig.world, view.id, START_NODE, actor="test")
    assert list(runs(rig)) == ["east"]


def test_one_that_was_started_before_the_fence_is_started_anew(rig: Rig) -> None:
    view = advance(rig, open_move(rig, THERE, "west"), START_NODE)
    rig.compute.force_singleton("west", JOB, 3)
    run_step(rig.world, view.id, START_NODE, actor="test")
    assert runs(rig)["west"] > now(rig, view).facts[STOP_NODE]["epoch"] > 3


def test_behind_the_fence_it_goes_forward_until_they_run(rig: Rig) -> None:
    view = advance(rig, open_move(rig, THERE, "west"), START_NODE)
    rig.compute.faults.fail_at("start_singleton", Refused("not now"))
    with pytest.raises(Halt, match=START_NODE):
        drive(rig.world, view.id, actor="test")
    assert drive(rig.world, view.id, actor="test").outcome is Outcome.SWITCHED_OVER
    assert list(runs(rig)) == ["west"]


def switchover(rig: Rig) -> OperationView:
    return open_move(rig, THERE, "west")


def turned_back(rig: Rig) -> OperationView:
    rig.database.hold("west")
    rig.database.write("east", "the last order")
    return open_move(rig, THERE, "west")


def failover(rig: Rig) -> OperationView:
    rig.database.kill("east")
    return open_move(rig, AWAY)


def reprotect(rig: Rig) -> OperationView:
    dark(rig)
    move(rig, AWAY, ask=both_sign(rig.world))
    rig.compute.faults.lost.clear()
    rig.users.dark.clear()
    rig.database.comes_back("east")
    rig.effects_log().clear()
    return open_move(rig, AGAIN)


CASES: dict[str, tuple[Callable[[Rig], OperationView], str]] = {
    "switchover": (switchover, "west"),
    "turned back": (turned_back, "east"),
    "failover": (failover, "west"),
    "reprotect": (reprotect, "west"),
}


class Most:
    """The most jobs that ran at any instant, looked at after every effect."""

    def __init__(self, rig: Rig, fuse: Callable[[Any], None]) -> None:
        self.rig, self.fuse, self.most = rig, fuse, 0

    def __call__(self, effect: Any) -> None:
        self.most = max(self.most, len(runs(self.rig)))
        self.fuse(effect)


def prepared(tmp_path: Path, case: str, fuse: Fuse) -> tuple[Rig, OperationView, Most]:
    rig = prepare(tmp_path, fuse)
    view = CASES[case][0](rig)
    most = Most(rig, fuse)
    rig.traffic.world.after_effect = most
    fuse.count = 0
    return rig, view, most


@pytest.mark.parametrize("case", CASES)
def test_killed_anywhere_and_resumed_one_runs(tmp_path: Path, case: str) -> None:
    fuse = Fuse()
    rig, view, _ = prepared(tmp_path / "undisturbed", case, fuse)
    outcome = drive(rig.world, view.id, actor="one").outcome
    count, once = fuse.count, made(rig)
    for place in range(1, count + 1):
        fuse = Fuse()
        rig, view, most = prepared(tmp_path / str(place), case, fuse)
        fuse.left = place
        with pytest.raises(Killed):
            drive(rig.world, view.id, actor="one")
        rig.replace_guard()
        rig.clock.moving = False
        assert drive(rig.world, view.id, actor="two").outcome is outcome, f"killed at {place}"
        assert list(runs(rig)) == [CASES[case][1]], f"killed at {place}"
        assert most.most <= 1, f"killed at {place}: two ran"
        twice = {what: n for what, n in made(rig).items() if n > once[what] > 0}
        assert not twice, f"killed at {place}: done twice {twice}"


@pytest.mark.parametrize("case", CASES)
def test_frozen_anywhere_and_thawed_one_runs(tmp_path: Path, case: str) -> None:
    fuse = Fuse()
    rig, view, _ = prepared(tmp_path / "undisturbed", case, fuse)
    rig.traffic.world.after_effect = lambda _: None
    drive(rig.world, view.id, actor="one")
    for place in range(1, fuse.count + 1):
        rig, view, most = prepared(tmp_path / str(place), case, Fuse())
        thaw = _Freeze(rig, view, place)
        rig.world.journal._after_commit = thaw
        rig.traffic.world.after_effect = most
        with contextlib.suppress(LeaseLost, Refused):  # superseded, or the operation is closed
            drive(rig.world, view.id, actor="one")
        assert thaw.finished, f"frozen at {place}: the second runner never ran"
        assert list(runs(rig)) == [CASES[case][1]], f"frozen at {place}"
        assert most.most <= 1, f"frozen at {place}: two ran"
