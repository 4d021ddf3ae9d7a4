"""Whole promotions on memory drivers: what the engine, the guard and the judge do together."""

from pathlib import Path

import pytest

from tests.support.estate import Rig, build, quick_policy
from tests.support.operations import advance, open_promotion, promote, small_policy, weights
from tidegate.checks.model import Status
from tidegate.engine import guarding
from tidegate.engine.approve import give_approval
from tidegate.engine.facts import FACT_KINDS, fold_facts
from tidegate.engine.runner import Halt, drive
from tidegate.engine.view import OperationView
from tidegate.errors import Refused
from tidegate.journal.model import EventKind
from tidegate.model.ladder import Rung
from tidegate.model.operation import OperationState, Outcome
from tidegate.model.topology import Arm, Slot
from tidegate.plan.model import ApprovalNode, Phase
from tidegate.policy.schema import Approval


def facts(rig: Rig):
    return fold_facts(rig.world.journal.events("shop", kinds=FACT_KINDS))


def test_a_good_release_is_promoted_everywhere(tmp_path: Path) -> None:
    rig = build(tmp_path)
    view = promote(rig, "1.1.0")
    assert view.outcome is Outcome.PROMOTED, view.why_back
    assert weights(rig) == {"east-b": 5000, "west-b": 5000}
    assert facts(rig).stable.version == "1.1.0"
    assert facts(rig).stable_slot is Slot.B
    assert [b.release.version for b in facts(rig).baselines] == ["1.0.0", "1.1.0"]
    assert facts(rig).catalog[-1]["way_back"]["params"] == {"target": "1.0.0"}
    assert rig.world.journal.head("shop").lease is None
    kept_warm = rig.compute.observe(Arm("east", Slot.A))
    assert len(kept_warm.instances) == 1, "keep_warm: 50% of two instances"


def test_failing_checkouts_are_caught_by_the_error_signal(tmp_path: Path) -> None:
    rig = build(tmp_path)
    rig.users.error_rate["1.2.0"] = {"checkout": 0.02}
    view = promote(rig, "1.2.0")
    assert view.outcome is Outcome.ROLLED_BACK
    assert view.why_back.startswith("errors:"), view.why_back
    assert weights(rig) == {"east-a": 5000, "west-a": 5000}
    assert view.stopped_at is Rung.TRAFFIC
    assert rig.compute.observe(Arm("east", Slot.B)).instances, "its traffic is back, and that was enough: it is parked"
    assert rig.checks.runs == 1, "the data is checked after each rung that is taken"
    assert facts(rig).stable.version == "1.0.0"


def test_a_slow_tail_is_caught_by_the_latency_signal(tmp_path: Path) -> None:
    rig = build(tmp_path)
    rig.users.slow["1.3.0"] = 3.0
    view = promote(rig, "1.3.0")
    assert view.outcome is Outcome.ROLLED_BACK
    assert view.why_back.startswith("latency:"), view.why_back


def test_the_loss_is_stopped_before_any_other_node_runs(tmp_path: Path) -> None:
    rig = build(tmp_path)
    rig.users.error_rate["1.2.0"] = {"checkout": 0.2}
    view = promote(rig, "1.2.0")
    events = rig.world.journal.events("shop", operation=view.id)
    stop = next(i for i, e in enumerate(events) if e.kind is EventKind.STOP_LOSS)
    nodes = [e.body.get("node") for e in events[stop + 1 : stop + 3]]
    assert nodes == ["return.stop-loss", "return.stop-loss"], "intended and verified, by the guard itself"
    assert {e.actor for e in events[stop : stop + 3]} == {"guard"}


def test_no_live_guard_no_weight(tmp_path: Path) -> None:
    rig = build(tmp_path, guarded=False)
    view = promote(rig, "1.1.0")
    assert view.outcome is Outcome.REFUSED
    assert "guard" in view.why_back
    assert rig.effects() == []


def test_a_dead_guard_stops_growth_and_a_new_one_resumes_it(tmp_path: Path) -> None:
    rig = build(tmp_path)
    seen: list[int] = []

    def lose_the_guard(seconds: float) -> None:
        split = rig.traffic.observe().split
        share = split[Arm("east", Slot.B)] if split else 0
        if share and len(seen) < 120:
            rig.guard_alive = False
            seen.append(share)
            if len(seen) == 120:
                rig.replace_guard()
                rig.guard_alive = True

    rig.clock.ticks.append(lose_the_guard)
    view = promote(rig, "1.1.0")
    assert set(seen) == {250}, "30 s without a guard: not one step further"
    assert view.outcome is Outcome.PROMOTED, view.why_back


def test_a_shift_waits_for_a_guard_as_the_dag_does_and_says_so(tmp_path: Path) -> None:
    rig = build(tmp_path, small_policy())
    view = open_promotion(rig, "1.1.0")
    advance(rig, view, "wave-1.shift-25")
    rig.guard_alive = False
    rig.clock.sleep(guarding.BEAT_TTL + 1)
    began, said = rig.clock.now(), list[str]()

    def come_back(_: float) -> None:
        rig.guard_alive = rig.clock.now() - began > guarding.WITHIN - 30

    rig.clock.ticks.append(come_back)
    ended = drive(rig.world, view.id, actor="test", say=said.append)
    assert ended.outcome is Outcome.PROMOTED, ended.why_back
    waits = [line for line in said if line.startswith("wave-1.shift-25: waiting up to 120 s for a guard")]
    assert len(waits) == 1, "it is said once"
    forward = [f"{n.id}: done" for s, n in view.plan.nodes() if s.phase is Phase.FORWARD]
    assert [line for line in said if line.endswith(": done")] == forward, "a line for each node"


def test_a_shift_that_no_guard_comes_for_turns_back_after_its_time(tmp_path: Path) -> None:
    rig = build(tmp_path, small_policy())
    view = open_promotion(rig, "1.1.0")
    advance(rig, view, "wave-1.shift-25")
    rig.guard_alive = False
    rig.clock.sleep(guarding.BEAT_TTL + 1)
    began = rig.clock.now()
    ended = drive(rig.world, view.id, actor="test")
    assert ended.outcome is Outcome.ROLLED_BACK
    assert "no guard is alive" in ended.why_back
    turned = next(e.at for e in rig.world.journal.events("shop", operation=view.id) if e.kind == "turned_back")
    assert guarding.WITHIN <= turned - began < 2 * guarding.WITHIN, "once, not once for each try"


def test_wrong_data_after_a_reversion_holds_and_a_person_resumes(tmp_path: Path) -> None:
    rig = build(tmp_path)
    rig.users.error_rate["1.2.0"] = {"checkout": 0.2}
    rig.checks.status["orders_have_events"] = Status.VIOLATED
    with pytest.raises(Halt, match=r"return\.rung-traffic"):
        promote(rig, "1.2.0")
    assert weights(rig) == {"east-a": 5000, "west-a": 5000}, "traffic is safe while it holds"
    assert rig.compute.observe(Arm("east", Slot.B)).instances, "nothing further is reverted on wrong data"
    rig.checks.status.clear()
    lease = rig.world.journal.head("shop").lease
    assert lease is not None
    assert drive(rig.world, lease.operation, actor="ann").outcome is Outcome.ROLLED_BACK


def approvals_policy():
    approval = Approval.model_validate({"before": "50%", "from": ["ann", "ben"], "within": "1m"})
    return quick_policy(approvals=(approval,))


def test_an_approval_is_asked_once_and_lets_on(tmp_path: Path) -> None:
    rig = build(tmp_path, approvals_policy())

    def ask(view: OperationView, node: ApprovalNode) -> None:
        with pytest.raises(Refused, match="may not approve it"):
            give_approval(rig.world, view.id, node.id, person="cat", plan_digest=view.plan_digest, actor="cat")
        with pytest.raises(Refused, match="mallory may not"):
            give_approval(rig.world, view.id, node.id, person="mallory", plan_digest=view.plan_digest, actor="x")
        with pytest.raises(Refused, match="without a person"):
            give_approval(rig.world, view.id, node.id, person=None, plan_digest=view.plan_digest, actor="x")
        with pytest.raises(Refused, match="is about plan"):
            give_approval(rig.world, view.id, node.id, person="ann", plan_digest="sha256:other", actor="ann")
        give_approval(rig.world, view.id, node.id, person="ann", plan_digest=view.plan_digest, actor="ann")

    view = promote(rig, "1.1.0", ask=ask)
    assert view.outcome is Outcome.PROMOTED, view.why_back
    assert [a.person for a in view.approvals] == ["ann"]


def test_no_answer_is_a_no(tmp_path: Path) -> None:
    rig = build(tmp_path, approvals_policy())
    view = promote(rig, "1.1.0")
    assert view.outcome is Outcome.ROLLED_BACK
    assert "nobody approved in time" in view.why_back
    assert view.state is OperationState.CLOSED
    assert weights(rig) == {"east-a": 5000, "west-a": 5000}
