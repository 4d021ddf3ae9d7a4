"""One step: intended, looked at, applied, read back, recorded.

Every intent raises the service's epoch. So of two actors at the same step (a task whose worker was thought dead and
its second try, Airflow and a person with the CLI) the older is refused by the journal, and by every system that holds
epochs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tidegate.drivers.token import Token
from tidegate.engine import guarding, rules
from tidegate.engine.brakes import BRAKE_KINDS, fold_brakes, not_vetoed
from tidegate.engine.debt import as_debt
from tidegate.engine.facts import FACT_KINDS, fold_facts
from tidegate.engine.ladder import expanding, exposing, not_needed
from tidegate.engine.local_journal import is_local
from tidegate.engine.lost_writes import ledger_of
from tidegate.engine.obstacles import still_let
from tidegate.engine.signatures import proved
from tidegate.engine.superseding import debts_of
from tidegate.engine.takeover import carries
from tidegate.engine.turn import turn_if_incomplete
from tidegate.engine.unneeded import record_nothing
from tidegate.engine.unsealing import JournalledVault
from tidegate.engine.view import OperationView, fold_operation, require
from tidegate.engine.world import World
from tidegate.errors import LeaseLost, NotYet, Refused, TidegateError, Unreachable
from tidegate.journal.model import EventKind
from tidegate.journal.store import Transaction
from tidegate.model.operation import MOVING, OperationKind, OperationState
from tidegate.plan.model import Phase, Stage, Step
from tidegate.steps.contract import Known, Look, ReadSecret, Result, Standing, StepWorld, Verb, read_nothing
from tidegate.steps.registry import verb
from tidegate.telemetry import context


@dataclass(frozen=True)
class StepReport:
    """What a step did, for logs and callers. ``outcome``: ``done_now``, ``was_done``, ``already_verified``,
    ``nothing_to_do``."""

    node: str
    outcome: str
    looked: str
    detail: str
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class _Claim:
    view: OperationView
    known: Known
    token: Token


def run_step(world: World, operation: str, node_id: str, *, actor: str, attempt: int | None = None) -> StepReport:
    """Bring one step about, once. Raises from the error tree; what was raised is in the journal first.

    ``attempt``: the scheduler's count of tries of this task, so that a try it has given up, and that wakes up late,
    does not supersede the newer one.
    """
    turn_if_incomplete(world, operation, node_id, actor=actor)
    claim = _claim(world, operation, node_id, actor, attempt)
    if isinstance(claim, StepReport):
        return claim
    step = _step(claim.view, node_id)[1]
    act = verb(step.verb)
    try:
        with context.at(operation, claim.view.traceparent, node_id):
            look, result = _perform_or_record(world, claim, step, act, actor)
        return _record_success(world, claim, step, look, result, actor)
    except LeaseLost as lost:
        return _superseded(world, claim, node_id, lost)


def _superseded(world: World, claim: _Claim, node_id: str, lost: LeaseLost) -> StepReport:
    """On the way back guard and DAG may meet at one node: whoever comes second waits and finds it done.

    Everywhere else an actor that was superseded stops.
    """
    view = require(fold_operation(world.journal.events(world.service, operation=claim.view.id)), claim.view.id)
    if view.verified(node_id):
        state = view.node(node_id)
        return StepReport(node_id, "already_verified", "another actor has done it", state.detail, state.facts)
    stage, _ = _step(view, node_id)
    if view.state is OperationState.STOPPING and stage.phase is Phase.RETURN:
        raise NotYet(
            f"{node_id}: another actor is at it ({lost.message})", next_step="look again in a moment"
        ) from lost
    raise lost


def _perform_or_record(world: World, claim: _Claim, step: Step, act: Verb, actor: str) -> tuple[Look, Result]:
    try:
        return _perform(world, claim, step, act, actor)
    except LeaseLost:
        raise
    except TidegateError as error:
        if isinstance(error, Unreachable) and (debt := as_debt(world, step, error)) is not None:
            return Look(Standing.DONE, error.message), debt
        _record_failure(world, claim, step.id, error, actor)
        raise


def _step(view: OperationView, node_id: str) -> tuple[Stage, Step]:
    try:
        stage, node = view.plan.node(node_id)
    except KeyError:
        raise Refused(f"the bound plan of {view.id} has no node {node_id!r}", next_step="trigger a new run") from None
    if not isinstance(node, Step):
        raise Refused(f"{node_id} is a {type(node).__name__.lower()}, not a step")
    return stage, node


def _claim(world: World, operation: str, node_id: str, actor: str, attempt: int | None) -> _Claim | StepReport:
    """Check the rules and note the intent, in one transaction under the head's lock."""
    with world.journal.locked(world.service) as txn:
        view = require(fold_operation(txn.events(operation=operation)), operation)
        stage, step = _step(view, node_id)
        if view.verified(node_id):
            state = view.node(node_id)
            return StepReport(
                node_id, "already_verified", "the journal shows it as verified", state.detail, state.facts
            )
        if why := not_needed(view, stage, step):
            return StepReport(node_id, "nothing_to_do", why, record_nothing(txn, view, step, why, actor), {})
        carries(view, actor, node_id)
        rules.may_run(view, stage, node_id)
        rules.newest_try(view, node_id, attempt)
        shown = proved(world.policy, view, signed_only=is_local(txn))
        rules.has_approval(shown, step)
        not_vetoed(view, stage, step, fold_brakes(world.facts(txn, BRAKE_KINDS)))
        still_let(world, txn, view, step, actor)
        now = world.clock.now()
        rules.has_guard(guarding.beat_expires_at(world.journal, world.service), now, step)
        _hold_lease(txn, view)
        epoch = txn.raise_epoch()
        body = {"node": node_id, "verb": step.verb, "args": dict(step.args), "attempt": attempt or 0}
        txn.append(EventKind.STEP_INTENDED, body, actor=actor, operation=operation, epoch=epoch)
        known = _known(world, txn, shown, now)
    return _Claim(view, known, Token(epoch, operation))


def _hold_lease(txn: Transaction, view: OperationView) -> None:
    lease = txn.head.lease
    if lease is None or lease.operation != view.id:
        raise LeaseLost(
            f"{view.service} is held by {lease.operation if lease else 'nobody'}, not by {view.id}",
            next_step=f"look first: tidegate status {view.service}",
        )


def _known(world: World, txn: Transaction, view: OperationView, now: float) -> Known:
    facts = fold_facts(world.facts(txn, FACT_KINDS))
    return Known(
        baselines=tuple(b.release for b in facts.baselines),
        vetoed=facts.vetoed,
        left_split=view.left_split,
        facts=view.facts,
        demand=guarding.fresh_demand(world.journal, world.service, now),
        burn=view.burn,
        fence=view.fence,
        turned_back=view.back_epoch,
        exposing=exposing(view),
        certified=view.certified,
        contracts=facts.contracts,
        expanded=expanding(view),
        flags=facts.flags,
        retired_flags=facts.retired_flags,
        guilty=view.guilty,
        placement=facts.placement,
        signed=rules.signed(view),
        debts=debts_of(txn) if view.kind in MOVING else (),
        ledger=ledger_of(txn.events) if view.kind is OperationKind.REPROTECT else None,
        written=guarding.written(world.journal, world.service) if view.kind in MOVING else None,
    )


def step_world(
    world: World, view: OperationView, known: Known, token: Token, read_secret: ReadSecret = read_nothing
) -> StepWorld:
    """What a step sees."""
    return StepWorld(
        estate=world.estate,
        checks=world.checks,
        binding=view.binding,
        settings=view.plan.settings,
        known=known,
        token=token,
        clock=world.clock,
        operation=view.id,
        requester=view.requester,
        reason=view.why_back or view.reason,
        read_secret=read_secret,
    )


def _perform(world: World, claim: _Claim, step: Step, act: Verb, actor: str) -> tuple[Look, Result]:
    vault = JournalledVault(world, claim.token, step.id, actor)
    seen = step_world(world, claim.view, claim.known, claim.token, vault)
    look = act.check(step.args, seen)
    if look.standing is Standing.FOREIGN_CHANGE:
        raise Refused(
            f"{step.id}: changed by someone else: {look.detail}",
            next_step="find out who and why; this operation takes its way back",
        )
    if look.standing is Standing.NOT_DONE:
        _still_ours(world, claim.token)
        act.apply(step.args, seen, look)
    return look, act.verify(step.args, seen, look)


def _still_ours(world: World, token: Token) -> None:
    """The last look before an effect, for systems that cannot hold an epoch themselves."""
    epoch = world.journal.head(world.service).epoch
    if epoch != token.epoch:
        raise LeaseLost(f"epoch {token.epoch} of {token.operation} was superseded by epoch {epoch}")


def _record_failure(world: World, claim: _Claim, node_id: str, error: TidegateError, actor: str) -> None:
    """Best effort under our own epoch: an actor that has been superseded writes nothing more."""
    body = {
        "node": node_id,
        "detail": str(error),
        "error": type(error).__name__,
        "changed": error.changed.value,
        "retryable": error.retryable,
        "connections": list(world.estate.site.connections),
    }
    try:
        with world.journal.locked(world.service) as txn:
            txn.append(EventKind.STEP_FAILED, body, actor=actor, operation=claim.view.id, epoch=claim.token.epoch)
    except LeaseLost as lost:
        raise lost from error


def _record_success(world: World, claim: _Claim, step: Step, look: Look, result: Result, actor: str) -> StepReport:
    body = {"node": step.id, "looked": look.detail, "detail": result.detail, "facts": dict(result.facts)}
    body["connections"] = list(world.estate.site.connections)  # names of conn:// that this process has resolved
    with world.journal.locked(world.service) as txn:
        epoch = claim.token.epoch
        for kind, record in result.records:
            txn.append(kind, record, actor=actor, operation=claim.view.id, epoch=epoch)
        txn.append(EventKind.STEP_VERIFIED, body, actor=actor, operation=claim.view.id, epoch=epoch)
    outcome = "was_done" if look.standing is Standing.DONE else "done_now"
    return StepReport(step.id, outcome, look.detail, result.detail, result.facts)
