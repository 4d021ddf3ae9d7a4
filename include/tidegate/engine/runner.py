"""Carry an operation to its end in this process: the same nodes in the same order as the DAG, without Airflow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from tidegate.engine import carriers, guarding
from tidegate.engine.approve import refuse_approval, request_approval
from tidegate.engine.close import close_operation
from tidegate.engine.execute import run_step
from tidegate.engine.gates import look_at_gate
from tidegate.engine.moving import given_up
from tidegate.engine.rules import approved, signed
from tidegate.engine.turn import turn_back
from tidegate.engine.view import GROWING, OperationView, fold_operation, require
from tidegate.engine.world import World
from tidegate.errors import EffectError, LeaseLost, NotYet, Paused, Refused
from tidegate.model.operation import OperationState
from tidegate.model.verdict import Verdict
from tidegate.plan.model import ApprovalNode, Gate, Node, Phase, Step
from tidegate.plan.names import APPROVE_LOSS

GATE_POLL = 0.25  # seconds between two looks at a gate
TRIES = 3  # of a step whose error may be retried

AskPeople = Callable[[OperationView, ApprovalNode], None]
"""Called while an approval is open; it may record answers through :mod:`tidegate.engine.approve`."""
Say = Callable[[str], None]
"""One line of progress: one for each node, and one for whatever is waited for."""


class Halt(Exception):
    """The walk stopped at a node that a person must look at. The operation stays open and can be resumed."""

    def __init__(self, node: str, why: str) -> None:
        super().__init__(node, why)
        self.node, self.why = node, why

    def __str__(self) -> str:
        return f"halted at {self.node}: {self.why}"


def nobody(view: OperationView, node: ApprovalNode) -> None:
    """Ask nobody: an approval that is open stays open until its time is over."""


def silent(line: str) -> None:
    """Say nothing."""


@dataclass
class Walk:
    """Who walks, and what of it they tell."""

    world: World
    actor: str
    ask: AskPeople = nobody
    say: Say = silent
    _signed_at: float = field(default=0.0, init=False)

    def sign(self, operation: str, node: str) -> None:
        """A sign of life at the beginning of a node, which may take its time."""
        self._signed_at = self.world.clock.now()
        carriers.sign(self.world, operation, who=self.actor, node=node, ttl=carriers.STEP_TTL)

    def wait(self, seconds: float, operation: str, node: str) -> None:
        """Let time pass, and show every ``SIGN_EVERY`` that somebody waits. A look at a gate may take as long as a
        step, so the sign lasts as long."""
        if self.world.clock.now() - self._signed_at >= carriers.SIGN_EVERY:
            self.sign(operation, node)
        self.world.clock.sleep(seconds)


def drive(world: World, operation: str, *, actor: str, ask: AskPeople = nobody, say: Say = silent) -> OperationView:
    """Walk the plan to its end and close. Safe to call again after a crash at any point.

    Raises :class:`Halt` where the way back itself cannot go on, ``LeaseLost`` if another actor has taken over.
    """
    walk = Walk(world, actor, ask, say)
    view = _read(world, operation)
    if view.state is OperationState.CLOSED:
        return view
    if view.state is OperationState.RUNNING and not _phase(walk, view, Phase.FORWARD):
        view = _read(world, operation)
        if not any(s.phase is Phase.RETURN for s in view.plan.stages):
            return _close_or_halt(world, view, actor)
    view = _read(world, operation)
    if view.state is OperationState.STOPPING:
        say(f"the way back begins: {view.why_back}")
        _phase(walk, view, Phase.RETURN)
    return close_operation(world, operation, actor=actor)


def _read(world: World, operation: str) -> OperationView:
    return require(fold_operation(world.journal.events(world.service, operation=operation)), operation)


def _close_or_halt(world: World, view: OperationView, actor: str) -> OperationView:
    if APPROVE_LOSS in view.requested and view.time_is_over(APPROVE_LOSS, world.clock.now()) and not signed(view):
        refuse_approval(world, view.id, APPROVE_LOSS, person=None, why="nobody approved in time", actor=actor)
        view = _read(world, view.id)
    if view.touched and not given_up(view):
        node, why = next(iter(view.failures.items()), ("", "stopped"))
        raise Halt(node, why)
    return close_operation(world, view.id, actor=actor)


def _phase(walk: Walk, view: OperationView, phase: Phase) -> bool:
    """True if every node of the phase is verified; False if the operation turned back instead."""
    world = walk.world
    for stage, node in view.plan.nodes():
        if stage.phase is not phase:
            continue
        try:
            why = _run(walk, view, node)
        except LeaseLost:
            if phase is Phase.FORWARD and _read(world, view.id).state is OperationState.STOPPING:
                return False  # the guard has stopped the loss: the way back is next
            raise
        walk.say(f"{node.id}: {why or 'done'}")
        if why is None:
            continue
        if phase is Phase.RETURN:
            raise Halt(node.id, why)
        if any(s.phase is Phase.RETURN for s in view.plan.stages):
            if _read(world, view.id).committed:
                raise Halt(node.id, why)
            turn_back(world, view.id, why=f"{node.id}: {why}", actor=walk.actor)
        return False
    return True


def _run(walk: Walk, view: OperationView, node: Node) -> str | None:
    """None if the node is settled well, else why not. While a person holds the operation it waits, however long."""
    while True:
        try:
            walk.sign(view.id, node.id)
            return _run_node(walk, view, node)
        except Paused as paused:
            walk.say(f"{node.id}: waiting: {paused}")
            while _read(walk.world, view.id).held is not None:
                walk.wait(GATE_POLL, view.id, node.id)


def _run_node(walk: Walk, view: OperationView, node: Node) -> str | None:
    if isinstance(node, Step):
        return _run_step(walk, view, node)
    if isinstance(node, Gate):
        return _wait_gate(walk, view, node)
    return _wait_approval(walk, view, node)


def _run_step(walk: Walk, view: OperationView, step: Step) -> str | None:
    deadline = walk.world.clock.now() + guarding.WITHIN
    for attempt in range(1, TRIES + 1):
        try:
            _once_guarded(walk, view, step, deadline)
            return None
        except Paused:
            raise
        except EffectError as error:
            if not error.retryable or attempt == TRIES:
                return str(error)
            walk.wait(attempt, view.id, step.id)
    return "unreachable"


def _once_guarded(walk: Walk, view: OperationView, step: Step, deadline: float) -> None:
    """Do it; but where only the guard is missing, wait for it, as the DAG does: weights stand still until one is
    there."""
    world, said = walk.world, False
    while True:
        try:
            run_step(world, view.id, step.id, actor=walk.actor)
            return
        except Paused:
            raise
        except NotYet as error:
            now = world.clock.now()
            if step.verb not in GROWING or guarding.alive(world.journal, world.service, now) or now >= deadline:
                raise
            if not said:
                walk.say(f"{step.id}: waiting up to {guarding.WITHIN:.0f} s for a guard: {error}")
            said = True
            walk.wait(guarding.POLL, view.id, step.id)


def _wait_gate(walk: Walk, view: OperationView, gate: Gate) -> str | None:
    said = False
    while True:
        report = look_at_gate(walk.world, view.id, gate.id, actor=walk.actor)
        if report.evidence.verdict is Verdict.PASS:
            return None
        if report.final:
            return report.evidence.why
        if not said:
            walk.say(f"{gate.id}: waiting up to {gate.within:.0f} s: {report.evidence.why}")
        said = True
        walk.wait(GATE_POLL, view.id, gate.id)


def _wait_approval(walk: Walk, view: OperationView, node: ApprovalNode) -> str | None:
    world = walk.world
    try:
        request_approval(world, view.id, node.id, actor=walk.actor)
    except Paused:
        raise
    except Refused as error:
        return str(error)
    said = False
    while True:
        now = _read(world, view.id)
        if now.state is not OperationState.RUNNING:
            raise LeaseLost(f"operation {view.id} is on its way back: {now.why_back}")
        if approved(now, node):
            return None
        if node.id in now.refused_by:
            return now.refused_by[node.id]
        if now.time_is_over(node.id, world.clock.now()):
            return "nobody approved in time"
        if not said:
            walk.say(f"{node.id}: waiting for {node.quorum} of {', '.join(node.people)} to approve")
        said = True
        walk.ask(now, node)
        walk.wait(GATE_POLL, view.id, node.id)
