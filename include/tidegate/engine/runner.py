"""Carry an operation to its end in this process: the same nodes in the same order as the DAG, without Airflow."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from tidegate.engine import carriers
from tidegate.engine.approve import request_approval
from tidegate.engine.close import close_operation
from tidegate.engine.execute import run_step
from tidegate.engine.gates import look_at_gate
from tidegate.engine.rules import approved
from tidegate.engine.turn import turn_back
from tidegate.engine.view import OperationView, fold_operation, require
from tidegate.engine.world import World
from tidegate.errors import EffectError, LeaseLost, Paused, Refused
from tidegate.model.operation import OperationState
from tidegate.model.verdict import Verdict
from tidegate.plan.model import ApprovalNode, Gate, Node, Phase, Step

log = logging.getLogger(__name__)

GATE_POLL = 0.25  # seconds between two looks at a gate
TRIES = 3  # of a step whose error may be retried

AskPeople = Callable[[OperationView, ApprovalNode], None]
"""Called while an approval is open; it may record answers through :mod:`tidegate.engine.approve`."""


@dataclass(frozen=True)
class Halt(Exception):
    """The walk stopped at a node that a person must look at. The operation stays open and can be resumed."""

    node: str
    why: str

    def __str__(self) -> str:
        return f"halted at {self.node}: {self.why}"


def nobody(view: OperationView, node: ApprovalNode) -> None:
    """Ask nobody: an approval that is open stays open until its time is over."""


def drive(world: World, operation: str, *, actor: str, ask: AskPeople = nobody) -> OperationView:
    """Walk the plan to its end and close. Safe to call again after a crash at any point.

    Raises :class:`Halt` where the way back itself cannot go on, ``LeaseLost`` if another actor has taken over.
    """
    view = _read(world, operation)
    if view.state is OperationState.CLOSED:
        return view
    if view.state is OperationState.RUNNING and not _walk(world, view, Phase.FORWARD, actor, ask):
        view = _read(world, operation)
        if not any(s.phase is Phase.RETURN for s in view.plan.stages):
            return _close_or_halt(world, view, actor)
    view = _read(world, operation)
    if view.state is OperationState.STOPPING:
        _walk(world, view, Phase.RETURN, actor, ask)
    return close_operation(world, operation, actor=actor)


def _read(world: World, operation: str) -> OperationView:
    return require(fold_operation(world.journal.events(world.service, operation=operation)), operation)


def _close_or_halt(world: World, view: OperationView, actor: str) -> OperationView:
    if view.touched:
        node, why = next(iter(view.failures.items()), ("", "stopped"))
        raise Halt(node, why)
    return close_operation(world, view.id, actor=actor)


def _walk(world: World, view: OperationView, phase: Phase, actor: str, ask: AskPeople) -> bool:
    """True if every node of the phase is verified; False if the operation turned back instead."""
    for stage, node in view.plan.nodes():
        if stage.phase is not phase:
            continue
        try:
            why = _run(world, view, node, actor, ask)
        except LeaseLost:
            if phase is Phase.FORWARD and _read(world, view.id).state is OperationState.STOPPING:
                return False  # the guard has stopped the loss: the way back is next
            raise
        if why is None:
            continue
        if phase is Phase.RETURN:
            raise Halt(node.id, why)
        if any(s.phase is Phase.RETURN for s in view.plan.stages):
            if _read(world, view.id).certified:
                raise Halt(node.id, why)
            turn_back(world, view.id, why=f"{node.id}: {why}", actor=actor)
        return False
    return True


def _run(world: World, view: OperationView, node: Node, actor: str, ask: AskPeople) -> str | None:
    """None if the node is settled well, else why not. While a person holds the operation it waits, however long."""
    while True:
        try:
            carriers.sign(world, view.id, who=actor, node=node.id, ttl=carriers.STEP_TTL)
            return _run_node(world, view, node, actor, ask)
        except Paused as paused:
            log.warning("Waiting: %s", paused)
            _wait_while_held(world, view.id)


def _wait_while_held(world: World, operation: str) -> None:
    while _read(world, operation).held is not None:
        world.clock.sleep(GATE_POLL)


def _run_node(world: World, view: OperationView, node: Node, actor: str, ask: AskPeople) -> str | None:
    if isinstance(node, Step):
        return _run_step(world, view, node, actor)
    if isinstance(node, Gate):
        return _wait_gate(world, view, node, actor)
    return _wait_approval(world, view, node, actor, ask)


def _run_step(world: World, view: OperationView, step: Step, actor: str) -> str | None:
    for attempt in range(1, TRIES + 1):
        try:
            run_step(world, view.id, step.id, actor=actor)
            return None
        except Paused:
            raise
        except EffectError as error:
            if not error.retryable or attempt == TRIES:
                return str(error)
            world.clock.sleep(attempt)
    return "unreachable"


def _wait_gate(world: World, view: OperationView, gate: Gate, actor: str) -> str | None:
    while True:
        report = look_at_gate(world, view.id, gate.id, actor=actor)
        if report.evidence.verdict is Verdict.PASS:
            return None
        if report.final:
            return report.evidence.why
        world.clock.sleep(GATE_POLL)


def _wait_approval(world: World, view: OperationView, node: ApprovalNode, actor: str, ask: AskPeople) -> str | None:
    try:
        request_approval(world, view.id, node.id, actor=actor)
    except Paused:
        raise
    except Refused as error:
        return str(error)
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
        ask(now, node)
        world.clock.sleep(GATE_POLL)
