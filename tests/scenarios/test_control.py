"""Pause, resume and abort in the middle of an operation, on memory drivers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.test_crash_matrix import small_policy
from tests.support.estate import Rig, build, quick_policy
from tests.support.operations import open_promotion, open_rollback, promote, weights
from tidegate.engine import control
from tidegate.engine.approve import give_approval, request_approval
from tidegate.engine.execute import run_step
from tidegate.engine.gates import look_at_gate
from tidegate.engine.runner import drive
from tidegate.engine.takeover import take_over
from tidegate.engine.view import STOP_LOSS_NODE, OperationView, fold_operation, require
from tidegate.errors import Paused, Refused
from tidegate.journal.model import Event, EventKind
from tidegate.model.ladder import Rung
from tidegate.model.operation import Outcome
from tidegate.model.traffic import Split
from tidegate.policy.schema import Approval

CANARY = {"east-a": 3750, "east-b": 1250, "west-a": 5000}
PLACES = 18  # forward nodes up to the baseline
AFTER = ("certify.", "expose.", "settle.")  # what comes once the release is a baseline: tests/scenarios/test_flags.py
GATE_WITHIN = 20.0  # seconds
STABLE = {"east-a": 5000, "west-a": 5000}
BY = {"person": "ann", "reason": "customers call", "actor": "test"}


def quiet(tmp_path: Path, **changes: Any) -> Rig:
    """The crash matrix's small plan under little traffic, with gates that wait for a short time only."""
    policy = small_policy()
    promotion = policy.promotion.model_copy(update={"gate_within": GATE_WITHIN, **changes})
    rig = build(tmp_path, policy.model_copy(update={"promotion": promotion}))
    rig.users.rate = 40.0
    return rig


def now(rig: Rig, operation: str) -> OperationView:
    return require(fold_operation(rig.world.journal.events("shop", operation=operation)), operation)


def when(rig: Rig, due: Callable[[], bool], act: Callable[[], Any]) -> None:
    """Do ``act`` once, at the first tick of the clock at which ``due``."""
    done: list[bool] = []

    def tick(_: float) -> None:
        if not done and due():
            done.append(True)
            act()

    rig.clock.ticks.append(tick)


def after(rig: Rig, operation: str, node: str, act: Callable[[], Any]) -> None:
    when(rig, lambda: now(rig, operation).verified(node), act)


def paused_at_25(rig: Rig, version: str, seconds: float) -> tuple[str, list[dict[str, int]]]:
    """Paused when the first shift is done and resumed after ``seconds``; the weights at every tick between."""
    operation, seen, since = open_promotion(rig, version).id, [], []

    def hold() -> None:
        control.pause(rig.world, operation, **BY)
        since.append(rig.clock.now())

    after(rig, operation, "wave-1.shift-25", hold)
    rig.clock.ticks.append(lambda _: seen.append(weights(rig)) if now(rig, operation).held else None)
    when(
        rig,
        lambda: bool(since) and rig.clock.now() - since[0] >= seconds,
        lambda: control.resume(rig.world, operation, **BY),
    )
    return operation, seen


def test_a_pause_in_mid_canary_keeps_the_weights_and_a_resume_goes_on(tmp_path: Path) -> None:
    rig = quiet(tmp_path)
    operation, seen = paused_at_25(rig, "1.1.0", 3 * GATE_WITHIN)
    ended = drive(rig.world, operation, actor="test")
    assert ended.outcome is Outcome.PROMOTED, ended.why_back
    assert len(seen) > 2 * GATE_WITHIN, "it was held for longer than a gate waits"
    assert all(arms == CANARY for arms in seen), "weights stand still"
    begun, over = (next(e for e in rows(rig, operation) if e.kind is k) for k in (EventKind.HELD, EventKind.RESUMED))
    between = [e.kind for e in rows(rig, operation) if begun.seq < e.seq < over.seq]
    assert between == [], "nothing of the plan goes on"
    assert (begun.body["person"], begun.body["why"]) == ("ann", "customers call")


def rows(rig: Rig, operation: str) -> list[Event]:
    return rig.world.journal.events("shop", operation=operation)


def test_the_guard_stops_the_loss_during_a_pause_and_lifts_nothing(tmp_path: Path) -> None:
    rig = quiet(tmp_path)
    operation, _ = paused_at_25(rig, "1.2.0", 30.0)
    when(
        rig,
        lambda: now(rig, operation).held is not None,
        lambda: rig.users.error_rate.update({"1.2.0": {"checkout": 0.5}}),
    )
    still: list[bool] = []
    when(
        rig,
        lambda: now(rig, operation).verified(STOP_LOSS_NODE),
        lambda: still.append(now(rig, operation).held is not None and weights(rig) == STABLE),
    )
    ended = drive(rig.world, operation, actor="test")
    assert still == [True], "traffic is safe while the operation is still held"
    assert ended.outcome is Outcome.ROLLED_BACK
    kinds = [e.kind for e in rows(rig, operation)]
    stopped, resumed = kinds.index(EventKind.STOP_LOSS), kinds.index(EventKind.RESUMED)
    nodes = [e.body["node"] for e in rows(rig, operation)[stopped:resumed] if "node" in e.body]
    assert set(nodes) == {STOP_LOSS_NODE}, "the rest of the way back waits for a person"


def test_what_a_paused_operation_refuses(tmp_path: Path) -> None:
    rig = quiet(tmp_path)
    view = open_promotion(rig, "1.1.0")
    held = control.pause(rig.world, view.id, **BY)
    assert held.held is not None
    assert control.pause(rig.world, view.id, person="ben", reason="me too", actor="test").held == held.held
    for act in (run_step, look_at_gate):
        node = "admit.verify" if act is run_step else "admit.guard"
        with pytest.raises(Paused, match="paused by ann: customers call") as error:
            act(rig.world, view.id, node, actor="test")
        assert f"tidegate resume shop {view.id}" in error.value.next_step
    with pytest.raises(Refused, match="is paused by ann"):
        take_over(rig.world, view.id, person="ben", reason="Airflow is gone")
    assert rig.effects() == []
    assert control.resume(rig.world, view.id, **BY).held is None
    assert run_step(rig.world, view.id, "admit.verify", actor="test").node == "admit.verify"


def test_the_time_to_answer_stands_still_and_a_yes_counts(tmp_path: Path) -> None:
    asked = Approval(before="25%", people=("ann", "ben"), quorum=1, within="60s")
    rig = quiet(tmp_path, approvals=(asked,))
    operation, node = open_promotion(rig, "1.1.0").id, "wave-1.approve-25"
    when(rig, lambda: node in now(rig, operation).requested, lambda: control.pause(rig.world, operation, **BY))
    begun = rig.clock.now()

    def answer() -> None:
        digest = now(rig, operation).plan_digest
        assert give_approval(rig.world, operation, node, person="ben", plan_digest=digest, actor="test")

    when(rig, lambda: rig.clock.now() - begun > 70, answer)
    when(rig, lambda: rig.clock.now() - begun > 80, lambda: control.resume(rig.world, operation, **BY))
    ended = drive(rig.world, operation, actor="test")
    assert ended.outcome is Outcome.PROMOTED, ended.why_back


def test_no_question_is_put_while_paused(tmp_path: Path) -> None:
    asked = Approval(before="25%", people=("ann", "ben"), quorum=1, within="60s")
    rig = build(tmp_path, quick_policy(approvals=(asked,)))
    view = open_promotion(rig, "1.1.0")
    control.pause(rig.world, view.id, **BY)
    with pytest.raises(Paused):
        request_approval(rig.world, view.id, "wave-1.approve-25", actor="test")


class AbortBefore:
    """Aborts just before a node is begun, and notes what the candidate is given from then on."""

    def __init__(self, rig: Rig, operation: str) -> None:
        self.rig, self.operation = rig, operation
        self.candidate: list[int] = []

    def now(self) -> None:
        control.abort(self.rig.world, self.operation, **BY)
        self.rig.traffic.world.after_effect = lambda effect: self.note(effect)
        self.candidate.append(weight(weights(self.rig)))
        control.make_safe(self.rig.world, self.operation, actor="test")
        self.candidate.append(weight(weights(self.rig)))

    def note(self, effect: Any) -> None:
        if effect.family == "traffic":
            split = Split.parse(effect.detail["split"])
            self.candidate.append(sum(w for arm, w in split.weights if arm.slot == "b"))


def before(monkeypatch: pytest.MonkeyPatch, node_id: str, act: Callable[[], Any]) -> None:
    """Do ``act`` each time the runner is about to begin that node."""
    from tidegate.engine import runner

    plain = runner._run_node

    def run_node(walk: Any, view: Any, node: Any) -> str | None:
        if node.id == node_id:
            act()
        return plain(walk, view, node)

    monkeypatch.setattr(runner, "_run_node", run_node)


def weight(arms: dict[str, int]) -> int:
    return sum(w for name, w in arms.items() if name.endswith("-b"))


def forward_nodes(rig: Rig) -> list[str]:
    from tidegate.plan.model import Phase
    from tidegate.plan.promotion import promotion_plan

    plan = promotion_plan(rig.world.policy, "sha256:policy")
    return [n.id for s, n in plan.nodes() if s.phase is Phase.FORWARD]


@pytest.mark.parametrize("place", range(PLACES))
def test_an_abort_before_every_node_ends_safe(tmp_path: Path, place: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Like the crash matrix: same end whichever node comes next; the weight never grows again; nothing twice."""
    rig = quiet(tmp_path)
    nodes = [n for n in forward_nodes(rig) if not n.startswith(AFTER)] + ["certify.baseline"]
    assert len(nodes) == PLACES, "one abort for each"
    operation = open_promotion(rig, "1.1.0").id
    aborting = AbortBefore(rig, operation)
    before(monkeypatch, nodes[place], aborting.now)
    ended = drive(rig.world, operation, actor="test")
    touched = place > nodes.index("wave-1.deploy")
    assert ended.outcome is (Outcome.ROLLED_BACK if touched else Outcome.REFUSED)
    assert ended.why_back == "aborted by ann: customers call"
    assert weights(rig) == STABLE
    assert aborting.candidate == sorted(aborting.candidate, reverse=True), "it never grows after an abort"
    assert aborting.candidate[1] == 0, "safe at once, before the way back goes on"
    assert rig.world.journal.head("shop").lease is None
    parked = any(rig.compute.observe(arm).instances for arm in rig.arms() if arm.slot == "b")
    assert not parked or ended.stopped_at is Rung.TRAFFIC, "the ladder stops where users are well again"
    verified = Counter(e.body["node"] for e in rows(rig, operation) if e.kind is EventKind.STEP_VERIFIED)
    assert set(verified.values()) == {1}, "no step done twice"
    assert not rig.world.journal.verify("shop")


def test_a_shift_on_its_way_is_refused_at_the_router(tmp_path: Path) -> None:
    """Aborted between the intent of a shift and its write: the write carries the older epoch."""
    rig = quiet(tmp_path)
    operation, apply, aborted = open_promotion(rig, "1.1.0").id, rig.traffic.apply, []

    def late(split: Any, token: Any) -> None:
        if not aborted:
            aborted.append(str(split))
            control.abort(rig.world, operation, **BY)
            control.make_safe(rig.world, operation, actor="test")
        apply(split, token)

    rig.traffic.apply = late  # type: ignore[method-assign]
    ended = drive(rig.world, operation, actor="test")
    assert ended.outcome is Outcome.ROLLED_BACK
    assert weights(rig) == STABLE
    written = [e.detail["split"] for e in rig.effects() if e.family == "traffic"]
    assert aborted[0] not in written, "the shift that was on its way never reached the router"


def test_a_shift_in_flight_when_it_is_aborted_is_not_recorded_as_done(tmp_path: Path) -> None:
    """The abort alone raises the epoch: its row is enough, whoever dies before the stop-loss."""
    rig = quiet(tmp_path)
    operation, apply, aborted = open_promotion(rig, "1.1.0").id, rig.traffic.apply, []

    def late(split: Any, token: Any) -> None:
        apply(split, token)
        if not aborted:
            aborted.append(str(split))
            control.abort(rig.world, operation, **BY)

    rig.traffic.apply = late  # type: ignore[method-assign]
    assert drive(rig.world, operation, actor="test").outcome is Outcome.ROLLED_BACK
    done = {e.body["node"] for e in rows(rig, operation) if e.kind is EventKind.STEP_VERIFIED}
    assert aborted
    assert "wave-1.shift-25" not in done, "whoever was at it when it was aborted writes nothing more"
    assert weights(rig) == STABLE


def test_the_guard_makes_safe_what_the_aborting_person_could_not(tmp_path: Path) -> None:
    rig = quiet(tmp_path)
    operation = open_promotion(rig, "1.1.0").id
    for node in ("admit.verify", "snapshot.take", "wave-1.deploy", "wave-1.shift-25"):
        for gate in ("admit.guard",) if node == "snapshot.take" else ("wave-1.ready",) if "shift" in node else ():
            while not look_at_gate(rig.world, operation, gate, actor="test").final:
                rig.clock.sleep(0.5)
        run_step(rig.world, operation, node, actor="test")
    control.abort(rig.world, operation, **BY)
    assert weights(rig) == CANARY, "the person's process dies here, and Airflow is away"
    rig.clock.sleep(1.0)
    assert weights(rig) == STABLE
    (safe,) = (e for e in rows(rig, operation) if e.body.get("node") == STOP_LOSS_NODE and e.kind == "step_verified")
    assert safe.actor == "guard"


def test_what_cannot_be_aborted(tmp_path: Path) -> None:
    rig = quiet(tmp_path)
    promoted = promote(rig, "1.1.0")
    with pytest.raises(Refused, match="is closed") as closed:
        control.abort(rig.world, promoted.id, **BY)
    assert "rollback__shop" in closed.value.next_step
    with pytest.raises(Refused, match="no operation of shop is open"):
        control.the_open_operation(rig.world)
    back = open_rollback(rig, "1.0.0")
    assert control.the_open_operation(rig.world) == back.id
    with pytest.raises(Refused, match="is a rollback") as error:
        control.abort(rig.world, back.id, **BY)
    assert "promote__shop" in error.value.next_step


def test_a_certified_promotion_is_not_aborted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rig = quiet(tmp_path)
    operation, said = open_promotion(rig, "1.1.0").id, []

    def try_it() -> None:
        with pytest.raises(Refused, match="certified") as error:
            control.abort(rig.world, operation, **BY)
        said.append(error.value.next_step)

    before(monkeypatch, "settle.relax-1", try_it)
    assert drive(rig.world, operation, actor="test").outcome is Outcome.PROMOTED
    assert "rollback__shop" in said[0]


def test_an_abort_lifts_a_pause(tmp_path: Path) -> None:
    rig = quiet(tmp_path)
    operation, _ = paused_at_25(rig, "1.1.0", 1e9)
    when(
        rig,
        lambda: now(rig, operation).held is not None,
        lambda: when(rig, lambda: True, lambda: control.abort(rig.world, operation, **BY)),
    )
    ended = drive(rig.world, operation, actor="test")
    assert (ended.outcome, ended.held) == (Outcome.ROLLED_BACK, None)


def test_the_time_of_a_gate_stands_still(tmp_path: Path) -> None:
    """A gate that waits for a guard gives up after two minutes; a pause of ten is not counted."""
    rig = build(tmp_path, small_policy(), guarded=False)
    rig.clock.ticks.clear()
    operation = open_promotion(rig, "1.1.0").id
    run_step(rig.world, operation, "admit.verify", actor="test")
    control.pause(rig.world, operation, **BY)
    rig.clock.sleep(600)
    control.resume(rig.world, operation, **BY)
    rig.clock.sleep(60)
    report = look_at_gate(rig.world, operation, "admit.guard", actor="test")
    assert (report.final, round(report.waited)) == (False, 60)
    rig.clock.sleep(120)
    assert look_at_gate(rig.world, operation, "admit.guard", actor="test").final
