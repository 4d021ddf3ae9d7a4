"""The failover protocol as a state machine over the real engine, with memory drivers: Hypothesis chooses what happens.

Several orchestrators take single steps of whatever operation they know of, the newest or one that was superseded long
ago; in between databases are killed, frozen, cut off, found again, calls fail with and without an effect, and whoever
carries an operation dies at some write. Whatever the order: at most one database takes writes, what was superseded does
nothing, no effect happens twice, the chain verifies. The failovers at random (tests/scenarios) go on from here to the
end of each operation; here nothing has to end.

``TIDEGATE_MACHINE``: how many runs (the ones that the suite has are always the same).
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.scenarios.test_crash_matrix import Fuse, Killed
from tests.support.estate import build
from tests.support.moving import Writers, both_sign, move, moving_policy, open_move
from tests.support.operations import now
from tests.support.random_failovers import ERRORS, VERBS
from tidegate.engine.execute import run_step
from tidegate.engine.gates import look_at_gate
from tidegate.engine.runner import Halt, drive
from tidegate.engine.section import run_section
from tidegate.engine.view import OperationView
from tidegate.errors import EffectError, TidegateError
from tidegate.model.operation import OperationKind, OperationState
from tidegate.plan.model import ApprovalNode, Gate, Step

RUNS, STEPS = int(os.environ.get("TIDEGATE_MACHINE", "25")), 30
REGIONS = ("east", "west")
KINDS = (OperationKind.FAILOVER, OperationKind.SWITCHOVER, OperationKind.REPROTECT)
HURTS = ("kill", "crash", "freeze", "cut", "power_off")


class Moves(RuleBasedStateMachine):
    """``known``: the operations that orchestrators know of, in the order in which they were opened."""

    @initialize()
    def set_up(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.fuse, self.known = Fuse(), list[OperationView]()
        policy = moving_policy(synchronous="block", gate_within="20s")
        self.rig = build(Path(self.folder.name), policy, after_commit=self.fuse, guarded=False)
        self.rig.users.rate = 16.0
        self.clients = Writers(self.rig.database)
        self.rig.clock.ticks.append(self.clients.tick)
        self.rig.traffic.world.after_effect = self._after
        move(self.rig, OperationKind.REPROTECT)

    def _after(self, effect: Any) -> None:
        self.clients.look()
        self.fuse(effect)

    @rule(region=st.sampled_from(REGIONS), how=st.sampled_from(HURTS))
    def hurt(self, region: str, how: str) -> None:
        getattr(self.rig.database, how)(region)

    @rule(region=st.sampled_from(REGIONS))
    def find(self, region: str) -> None:
        """It is reached again, and somebody starts it."""
        self.rig.database.join(region)
        self.rig.database.thaw(region)
        if not self.rig.database.servers[region].running:
            self.rig.database.comes_back(region)

    @rule(verb=st.sampled_from(VERBS), error=st.sampled_from(ERRORS))
    def fail_next(self, verb: str, error: Any) -> None:
        self.rig.database.faults.fail_at(verb, error())

    @rule(kind=st.sampled_from(KINDS), region=st.sampled_from(REGIONS))
    def ask(self, kind: OperationKind, region: str) -> None:
        with contextlib.suppress(TidegateError):
            to = None if kind is OperationKind.REPROTECT else region
            self.known.append(open_move(self.rig, kind, to))

    @precondition(lambda self: self.known)
    @rule(dies_at=st.sampled_from((None, None, None, *range(1, 12))))
    def carry_on(self, dies_at: int | None) -> None:
        """An orchestrator takes the next node of the newest operation; it may die at any write of it."""
        view = now(self.rig, self.known[-1])
        node = next((n for _, n in view.plan.nodes() if not view.verified(n.id)), None)
        if node is None or view.state is OperationState.CLOSED:
            return
        self._as_one_who_may_die(dies_at, lambda: self._do(view, node.id))

    @precondition(lambda self: self.known)
    @rule(dies_at=st.sampled_from((None, *range(1, 40))))
    def drive_on(self, dies_at: int | None) -> None:
        """An orchestrator carries the newest operation as far as it gets."""
        view = self.known[-1]
        self._as_one_who_may_die(
            dies_at, lambda: drive(self.rig.world, view.id, actor="test", ask=self._sign_what_was_seen)
        )

    @precondition(lambda self: self.known)
    @rule(dies_at=st.sampled_from((None, *range(1, 20))))
    def guard_acts(self, dies_at: int | None) -> None:
        view = now(self.rig, self.known[-1])
        if view.kind is OperationKind.FAILOVER:
            act = lambda: run_section(self.rig.world, view.id, "declare.measure", actor="guard")  # noqa: E731
            self._as_one_who_may_die(dies_at, act)

    @precondition(lambda self: len(self.known) > 1)
    @rule(data=st.data())
    def wake_up_late(self, data: st.DataObject) -> None:
        """A worker of an operation that has been superseded or closed wakes up and takes a step of it."""
        view = now(self.rig, data.draw(st.sampled_from(self.known[:-1]), "operation"))
        steps = [node for _, node in view.plan.nodes() if isinstance(node, Step)]
        node = data.draw(st.sampled_from(steps), "step")
        effects = len(self.rig.effects_log())
        ended = view.state is OperationState.CLOSED
        with contextlib.suppress(TidegateError):
            run_step(self.rig.world, view.id, node.id, actor="its worker")
        assert not ended or len(self.rig.effects_log()) == effects, f"{view.kind} {view.id} had ended"

    @rule(seconds=st.sampled_from((0.5, 3.0, 30.0)))
    def wait(self, seconds: float) -> None:
        self.rig.clock.sleep(seconds)

    @invariant()
    def one_writer(self) -> None:
        if hasattr(self, "clients"):
            self.clients.look()
            assert self.clients.most <= 1, "two writers"

    def teardown(self) -> None:
        if not hasattr(self, "clients"):
            return
        effects = [(e.verb, e.target, e.epoch) for e in self.rig.effects_log() if e.family == "database"]
        assert len(effects) == len(set(effects)), "an effect twice under one epoch"
        assert self.rig.world.journal.verify("shop") == []
        self.folder.cleanup()

    def _do(self, view: OperationView, node_id: str) -> None:
        node = view.plan.node(node_id)[1]
        if isinstance(node, Step):
            run_step(self.rig.world, view.id, node_id, actor="test")
        elif isinstance(node, Gate):
            look_at_gate(self.rig.world, view.id, node_id, actor="test")
        elif isinstance(node, ApprovalNode):
            self._sign_what_was_seen(view, node)

    def _as_one_who_may_die(self, dies_at: int | None, act: Any) -> None:
        self.fuse.left = dies_at
        with contextlib.suppress(Killed, Halt, EffectError, TidegateError):
            act()
        self.fuse.left, self.rig.clock.moving = None, False

    def _sign_what_was_seen(self, view: OperationView, node: ApprovalNode) -> None:
        """People sign only for what somebody has seen: that the old primary takes no writes, and cannot begin to."""
        source = self.rig.database.servers[str(view.binding.source)]
        if not source.writable and not source.primary:
            both_sign(self.rig.world)(view, node)


def test_whatever_the_order_there_is_one_writer() -> None:
    run_state_machine_as_test(
        Moves,
        settings=settings(
            max_examples=RUNS,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize="TIDEGATE_MACHINE" not in os.environ,
            suppress_health_check=list(HealthCheck),
        ),
    )
