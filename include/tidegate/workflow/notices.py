"""People are told of an operation at the points that the policy names: by the task that brought a point about, after
its end; by the triggerer where it was somebody else.

Nothing here fails or holds up an operation. A task's callback runs once Airflow knows how the task ended, so that the
next one goes on meanwhile; each receiver has a bounded time; what could not be told is in the log, in the journal and
at the top of the operation's page.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tidegate.engine.carriers import carried_on
from tidegate.engine.noticing import NOT_KNOWN, Claim, claim, given_up, tell_result
from tidegate.engine.view import OperationView, fold_operation
from tidegate.engine.world import World
from tidegate.journal.model import Event
from tidegate.model.notice import Point
from tidegate.model.operation import GOOD_END, OperationKind, OperationState
from tidegate.policy.schema import Policy
from tidegate.redaction import redact
from tidegate.report.notice import REFUSED, Notice, Ways, refusal
from tidegate.report.notice_from_journal import notices_of
from tidegate.report.notice_points import NOTHING_SEEN, Due, Seen, due
from tidegate.workflow.detection import operation_of
from tidegate.workflow.identity import actor, read
from tidegate.workflow.links import report_address
from tidegate.workflow.notifiers import deliver
from tidegate.workflow.worlds import paper_world, paper_world_of

if TYPE_CHECKING:
    from airflow.sdk import Context

log = logging.getLogger(__name__)

EVERY = 1.0  # seconds between two looks of the triggerer
TASKS_FIRST = 15.0  # seconds that a task of Airflow's has to tell of its own rows
AGAIN = 15.0  # seconds after which an operation is looked at though nothing was written


def callbacks(policy: Policy) -> dict[str, Any]:
    """For every task of an operation's DAG; none where nobody is to be told."""
    return {"on_success_callback": after_success, "on_failure_callback": after_failure} if policy.notify else {}


def after_success(context: Context) -> None:
    _after(context, NOTHING_SEEN)


def after_failure(context: Context) -> None:
    """Its tries are used up: Airflow calls this for a task that is not tried again."""
    error = redact(" ".join(str(context.get("exception") or "its task failed").split()))[:300]
    node = getattr(context["task"], "node", "")
    _after(context, Seen({node: error}) if node else Seen({}, stranded=error))


def _after(context: Context, seen: Seen) -> None:
    try:
        blueprint: Any = context["task"].blueprint  # type: ignore[union-attr]  # of every operator of ours
        world, operation = paper_world_of(blueprint.loaded), operation_of(blueprint, context)
        if seen.stranded and read(world, operation) is None:
            _tell_refusal(world, operation, blueprint.kind, seen.stranded, actor(context))
        else:
            tell(world, operation, actor=actor(context), seen=seen)
    except Exception:
        log.exception("Nobody could be told how the operation stands. The operation itself goes on.")


def _tell_refusal(world: World, operation: str, kind: OperationKind, why: str, who: str) -> None:
    to = tuple(name for name, receiver in world.policy.notify.items() if receiver.told_at(Point.STUCK))
    if mine := claim(world, operation, [Claim(Point.STUCK, REFUSED, to)], actor=who):
        ways = Ways(report_address(world.service, operation))
        made = refusal(world.service, operation, kind, why, world.policy.owners, ways)
        _deliver(world, operation, [(mine[0], made)], who)


def tell_quietly(service: str, operation: str, who: str) -> None:
    """As :func:`tell`, for what must not end by it."""
    try:
        tell(paper_world(service), operation, actor=who)
    except Exception:
        log.exception("Nobody could be told how %s stands. The operation itself goes on.", operation)


def tell(world: World, operation: str, *, actor: str, seen: Seen = NOTHING_SEEN, of_tasks: bool = True) -> None:
    """Tell whoever the policy names of what nobody has been told yet. ``of_tasks``: also of what a task of Airflow's
    brought about a moment ago, and tells itself."""
    receivers = world.policy.notify
    events = world.journal.events(world.service, operation=operation)
    view = fold_operation(events)
    if not receivers or view is None:
        return
    now = world.clock.now()
    found = {one.key: one for one in due(view, events, now, seen) if of_tasks or _left_over(one, now)}
    wanted = [Claim(one.point, one.key, _to(world.policy, one)) for one in found.values()]
    mine = claim(world, operation, wanted, actor=actor) if any(one.to for one in wanted) else []
    if mine:
        _send(world, view, events, [(one, found[one.key]) for one in mine], actor)


def _left_over(one: Due, now: float) -> bool:
    return not one.by.startswith("airflow ") or now - one.at > TASKS_FIRST


def _to(policy: Policy, one: Due) -> tuple[str, ...]:
    return tuple(name for name, receiver in policy.notify.items() if receiver.told_at(one.point))


def _send(
    world: World, view: OperationView, events: Sequence[Event], mine: Sequence[tuple[Claim, Due]], actor: str
) -> None:
    ways, now = Ways(report_address(view.service, view.id)), world.clock.now()
    made = notices_of(world.journal, view, events, [what for _, what in mine], world.policy.owners, ways, now)
    _deliver(world, view.id, list(zip((one for one, _ in mine), made, strict=True)), actor)


def _deliver(world: World, operation: str, paired: Sequence[tuple[Claim, Notice]], actor: str) -> None:
    failed = deliver(world.policy.notify, [(notice, one.to) for one, notice in paired])
    for one, notice in paired:
        _say(one, failed.get(notice.id, {}))
        tell_result(world, operation, one, failed.get(notice.id, {}), actor=actor)


def _say(one: Claim, failed: dict[str, str]) -> None:
    told = [name for name in one.to if name not in failed]
    if told:
        log.info("Told %s: %s.", ", ".join(told), one.key)
    for name, why in failed.items():
        log.error("NOT TOLD: %s, of %s: %s. Did anything change? No: the operation goes on.", name, one.key, why)


class NoticeWatch:
    """The triggerer's look: at what the guard and people at a terminal do, at what a task ended too early to tell, and
    at an operation that nobody carries on."""

    def __init__(self, service: str) -> None:
        self._service = service
        self._open: set[str] = set()
        self._seen = (0, 0.0)

    def look(self) -> None:
        """Raises what reading the journal raises."""
        world = paper_world(self._service)
        if not world.policy.notify:
            return
        head, now = world.journal.head(self._service), world.clock.now()
        if head.lease is not None:
            self._open.add(head.lease.operation)
        if head.seq == self._seen[0] and now - self._seen[1] < AGAIN:
            return
        self._seen = (head.seq, now)
        for operation in sorted(self._open):
            self._operation(world, operation, now)

    def _operation(self, world: World, operation: str, now: float) -> None:
        events = world.journal.events(world.service, operation=operation)
        view = fold_operation(events)
        if view is None or view.kind not in GOOD_END:
            self._open.discard(operation)
            return
        who = f"airflow notices {self._service}"
        for one in given_up(events, now):
            tell_result(world, operation, one, dict.fromkeys(one.to, NOT_KNOWN), actor=who)
            _say(one, dict.fromkeys(one.to, NOT_KNOWN))
        carried = carried_on(view, events, world.journal.beats(world.service), now)
        stranded = Seen({}, "" if carried.on else carried.words)
        tell(world, operation, actor=who, seen=stranded, of_tasks=False)
        if view.state is OperationState.CLOSED and now - events[-1].at > 2 * TASKS_FIRST:
            self._open.discard(operation)
