"""The ladder: least invasive first, judged after each rung, and the first that restores health and data is the last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support.estate import Rig, build
from tests.support.operations import advance, now, open_promotion, open_rollback, promote, small_policy, weights
from tidegate.checks.model import CheckReport, Severity, Status
from tidegate.engine.ladder import debts
from tidegate.engine.runner import Halt, drive
from tidegate.engine.turn import turn_back
from tidegate.engine.view import STOP_LOSS_NODE, OperationView
from tidegate.journal.model import EventKind
from tidegate.model.ladder import Rung
from tidegate.model.operation import Outcome
from tidegate.model.topology import Arm, Slot
from tidegate.policy.schema import Policy

EAST_B, WEST_B = Arm("east", Slot.B), Arm("west", Slot.B)
SAFE = {"east-a": 5000, "west-a": 5000}


def policy(severity: Severity = Severity.HOLD, **health: Any) -> Policy:
    """The small one; ``severity`` is that of the check orders_have_events."""
    small = small_policy()
    asked = small.rollback.health.model_copy(update={"within": 20.0, **health})
    checks = {**small.checks}
    checks["orders_have_events"] = checks["orders_have_events"].model_copy(update={"severity": severity})
    rollback = small.rollback.model_copy(update={"health": asked})
    return small.model_copy(update={"rollback": rollback, "checks": checks})


def quiet(tmp_path: Path, with_policy: Policy) -> Rig:
    rig = build(tmp_path, with_policy)
    rig.users.rate = 40.0
    return rig


def on_its_way_back(rig: Rig, *, after: str = "wave-1.gate-25") -> OperationView:
    """A promotion of 1.1.0 that somebody has turned back before ``after``."""
    view = advance(rig, open_promotion(rig, "1.1.0"), after)
    return turn_back(rig.world, view.id, why="a test", actor="test")


def taken_back(rig: Rig, view: OperationView) -> OperationView:
    ended = drive(rig.world, view.id, actor="test")
    assert ended.outcome is Outcome.ROLLED_BACK
    assert weights(rig) == SAFE
    return ended


def wrong_until_stopped(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """A check that is violated as long as the candidate's processes run."""
    run = rig.checks.run

    def checked(
        specs: Sequence[Mapping[str, Any]], snapshot: Mapping[str, Any] | None, *, schema_revision: str = ""
    ) -> CheckReport:
        there = any(rig.compute.look(arm).instances for arm in (EAST_B, WEST_B))
        rig.checks.status["orders_have_events"] = Status.VIOLATED if there else Status.PASSED
        return run(specs, snapshot, schema_revision=schema_revision)

    monkeypatch.setattr(rig.checks, "run", checked)


def test_it_stops_at_the_first_rung_that_restores(tmp_path: Path) -> None:
    rig = quiet(tmp_path, policy())
    view = on_its_way_back(rig)
    effects = len(rig.effects())
    ended = taken_back(rig, view)
    assert [(j.rung, j.then) for j in ended.rungs] == [(Rung.TRAFFIC, "stop")]
    assert ended.node("return.withdraw-1").detail == "nothing to do: the ladder stopped at traffic"
    assert ended.node("return.everywhere-1").detail == "nothing to do: the ladder stopped at traffic"
    assert rig.compute.look(EAST_B).version == "1.1.0", "it is parked, and the next promotion replaces it"
    assert {e.family for e in rig.effects()[effects:]} == {"traffic"}
    closed = rig.world.journal.events("shop", operation=view.id, kinds={EventKind.OPERATION_CLOSED})[-1]
    assert closed.body["rung"] == "traffic"
    again = promote(rig, "1.3.0")
    assert again.outcome is Outcome.PROMOTED, again.why_back


def test_a_check_may_send_it_one_rung_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rig = quiet(tmp_path, policy(Severity.NEXT_RUNG))
    wrong_until_stopped(rig, monkeypatch)
    ended = taken_back(rig, on_its_way_back(rig))
    assert [(j.rung, j.then) for j in ended.rungs] == [(Rung.TRAFFIC, "next"), (Rung.RELEASE, "stop")]
    assert "orders_have_events" in ended.rungs[0].why
    assert not rig.compute.look(EAST_B).instances
    assert ended.node("return.everywhere-2").detail == "nothing to do: the ladder stopped at release"


def test_a_warning_stops_nothing(tmp_path: Path) -> None:
    rig = quiet(tmp_path, policy(Severity.WARN))
    rig.checks.status["orders_have_events"] = Status.VIOLATED
    ended = taken_back(rig, on_its_way_back(rig))
    assert ended.stopped_at is Rung.TRAFFIC
    assert "with a warning: orders_have_events" in ended.rungs[0].why


def test_a_violation_that_holds_never_goes_on(tmp_path: Path) -> None:
    rig = quiet(tmp_path, policy(Severity.HOLD))
    rig.checks.status["orders_have_events"] = Status.VIOLATED
    view = on_its_way_back(rig)
    with pytest.raises(Halt, match=r"return\.rung-traffic.*orders_have_events"):
        drive(rig.world, view.id, actor="test")
    stands = now(rig, view)
    assert stands.node("return.withdraw-1").status == "open", "nothing further is reverted on wrong data"
    assert [(j.rung, j.then) for j in stands.rungs] == [(Rung.TRAFFIC, "hold")]
    assert weights(rig) == SAFE
    rig.checks.status.clear()
    assert taken_back(rig, view).stopped_at is Rung.TRAFFIC


def test_what_cannot_be_checked_is_not_restored(tmp_path: Path) -> None:
    rig = quiet(tmp_path, policy(Severity.NEXT_RUNG))
    rig.checks.status["orders_have_events"] = Status.NOT_CHECKED
    view = on_its_way_back(rig)
    with pytest.raises(Halt, match=r"not every check could be made"):
        drive(rig.world, view.id, actor="test")
    assert {j.then for j in now(rig, view).rungs} == {"hold"}


def test_the_last_rung_holds_if_it_restores_nothing(tmp_path: Path) -> None:
    rig = quiet(tmp_path, policy(Severity.NEXT_RUNG))
    rig.checks.status["orders_have_events"] = Status.VIOLATED
    view = on_its_way_back(rig)
    with pytest.raises(Halt, match=r"return\.rung-everywhere.*there is no rung left"):
        drive(rig.world, view.id, actor="test")
    thens = [(j.rung, j.then) for j in now(rig, view).rungs]
    assert thens == [(Rung.TRAFFIC, "next"), (Rung.RELEASE, "next"), (Rung.EVERYWHERE, "hold")]


def test_users_who_are_still_ill_send_it_on(tmp_path: Path) -> None:
    rig = quiet(tmp_path, policy(not_above=0.05, requests=100))
    view = on_its_way_back(rig)
    rig.users.error_rate["1.0.0"] = {"checkout": 0.5, "browse": 0.5}
    with pytest.raises(Halt, match=r"return\.rung-everywhere.*the failing part is above 5\.00%"):
        drive(rig.world, view.id, actor="test")
    rig.users.error_rate.clear()
    assert taken_back(rig, view).stopped_at is Rung.EVERYWHERE, "the baseline is well again, and a person has looked"


@pytest.mark.parametrize("blind", ["no guard", "no users"])
def test_blind_is_not_restored(tmp_path: Path, blind: str) -> None:
    rig = quiet(tmp_path, policy())
    view = advance(rig, on_its_way_back(rig), "wave-1.deploy")
    drive_to(rig, view, "return.rung-traffic")
    if blind == "no guard":
        rig.guard_alive = False
    else:
        rig.users.rate = 0.0
    with pytest.raises(Halt, match=r"return\.rung-traffic: no pass within"):
        drive(rig.world, view.id, actor="test")
    assert now(rig, view).stopped_at is None
    rig.guard_alive, rig.users.rate = True, 40.0
    assert taken_back(rig, view).stopped_at is Rung.TRAFFIC


def drive_to(rig: Rig, view: OperationView, until: str) -> None:
    from tidegate.engine.execute import run_step
    from tidegate.engine.gates import look_at_gate
    from tidegate.model.verdict import Verdict
    from tidegate.plan.model import Phase, Step

    for stage, node in view.plan.nodes():
        if node.id == until:
            return
        if stage.phase is not Phase.RETURN:
            continue
        if isinstance(node, Step):
            run_step(rig.world, view.id, node.id, actor="test")
        else:
            while look_at_gate(rig.world, view.id, node.id, actor="test").evidence.verdict is not Verdict.PASS:
                rig.clock.sleep(0.25)


def test_a_release_that_never_had_traffic_is_stopped(tmp_path: Path) -> None:
    """The rung traffic has nothing to take back then, so it is not the one that restores."""
    rig = quiet(tmp_path, policy())
    ended = taken_back(rig, on_its_way_back(rig, after="wave-1.shift-25"))
    assert ended.stopped_at is Rung.RELEASE
    assert ended.node("return.rung-traffic").detail == "nothing to do: the rung traffic had nothing to take back"
    assert not rig.compute.look(EAST_B).instances


def test_nothing_is_asked_of_a_region_that_was_never_touched(tmp_path: Path) -> None:
    """The other region is dead while the candidate is caught in the first: that holds nothing up."""
    rig = quiet(tmp_path, policy())
    rig.users.error_rate["1.2.0"] = {"checkout": 1.0, "browse": 1.0}
    view = advance(rig, open_promotion(rig, "1.2.0"), "wave-1.shift-25")
    rig.lose("west")
    rig.compute.faults.asked.clear()
    ended = taken_back(rig, view)
    assert ended.why_back, "the guard has caught it"
    assert ended.stopped_at is Rung.TRAFFIC
    assert "west" not in rig.compute.faults.asked
    assert ended.node("return.restore-2").detail == "nothing to do: this operation has never touched west"
    assert not debts(ended)


def test_a_touched_region_that_dies_is_a_debt_and_no_block(tmp_path: Path) -> None:
    rig = quiet(tmp_path, policy())
    view = on_its_way_back(rig, after="wave-2.gate-100")
    rig.lose("west")
    ended = taken_back(rig, view)
    assert ended.stopped_at is Rung.TRAFFIC
    owed = debts(ended)
    assert {node: debt["region"] for node, debt in owed.items()} == {"return.restore-2": "west"}
    closed = rig.world.journal.events("shop", operation=view.id, kinds={EventKind.OPERATION_CLOSED})[-1]
    assert [debt["region"] for debt in closed.body["debts"]] == ["west"]


def test_a_region_that_is_silent_for_a_moment_is_no_debt(tmp_path: Path) -> None:
    rig = quiet(tmp_path, policy())
    view = on_its_way_back(rig, after="wave-2.gate-100")
    rig.lose("west")
    gone_at = rig.clock.now()

    def come_back(_: float) -> None:
        if rig.clock.now() > gone_at + 5:
            rig.compute.faults.lost.clear()
            rig.users.dark.clear()

    rig.clock.ticks.append(come_back)
    assert not debts(taken_back(rig, view))


def test_a_rollback_goes_its_way_while_a_region_is_dead(tmp_path: Path) -> None:
    rig = quiet(tmp_path, policy())
    assert promote(rig, "1.1.0").outcome is Outcome.PROMOTED
    rig.lose("west")
    ended = taken_back(rig, open_rollback(rig, "1.0.0"))
    assert {debt["region"] for debt in debts(ended).values()} == {"west"}
    assert ended.node("admit.reachable").detail.endswith("west does not, and is left as a debt")


def test_the_stop_loss_is_the_traffics(tmp_path: Path) -> None:
    rig = quiet(tmp_path, policy())
    view = on_its_way_back(rig)
    assert view.plan.node(STOP_LOSS_NODE)[1].verb == "stop_loss"  # type: ignore[union-attr]
    assert taken_back(rig, view).node(STOP_LOSS_NODE).facts["split"]
