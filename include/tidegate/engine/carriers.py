"""Who carries an operation on: whoever works at it, or waits for it, leaves a sign of life in the journal.

An open operation whose run in Airflow was deleted, marked, or lost its scheduler stands still: nothing gets worse, the
guard watches on, but nobody goes on either. That has to be said, with what to do next.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tidegate.engine.view import OperationView
from tidegate.engine.world import World
from tidegate.errors import TidegateError
from tidegate.journal.model import Beat, Event, EventKind
from tidegate.model.operation import GOOD_END, OperationKind, OperationState, dag_id

BEAT = "carrier"
SIGN_EVERY = 5.0  # seconds between two signs of somebody who waits
WAIT_TTL = 20.0  # seconds that such a sign counts
STEP_TTL = 120.0  # seconds that the sign of somebody who works counts: a deployment takes its time
HOP = 60.0  # seconds after the last row during which somebody is thought to be on the way to the next node
_NOT_OURS = frozenset(
    {
        EventKind.HELD,
        EventKind.RESUMED,
        EventKind.TURNED_BACK,
        EventKind.STOP_LOSS,
        EventKind.NOTICE,
        EventKind.NOTE,
    }
)
GUARD = "guard"


@dataclass(frozen=True)
class Carried:
    """``on``: somebody carries it on, or nobody has to (closed). ``who``, ``node``, ``at``: the last sign of life, in
    epoch seconds. ``words``: one sentence for people. ``next``: what to do; empty while it is carried on."""

    on: bool
    who: str
    node: str
    at: float
    words: str
    next: tuple[str, ...] = ()


def sign(world: World, operation: str, *, who: str, node: str, ttl: float = WAIT_TTL) -> None:
    """Leave a sign of life. Best effort: who cannot write it works on all the same."""
    try:
        body = {"operation": operation, "who": who, "node": node}
        world.journal.beat(world.service, BEAT, ttl=ttl, body=body)
    except TidegateError:
        return


def carried_on(
    view: OperationView, events: Iterable[Event], beats: Mapping[str, Beat], now: float, *, run_state: str | None = None
) -> Carried:
    """Pure. ``events``: the operation's rows. ``beats``: of the service. ``run_state``: of its run in Airflow where
    that can be asked (:mod:`tidegate.workflow.runs`): ``running``, ``queued``, ``success``, ``failed``, ``deleted``."""
    beat = beats.get(BEAT)
    mine = beat is not None and beat.body.get("operation") == view.id
    rows = [e for e in events if e.kind not in _NOT_OURS and e.actor != GUARD]
    last = rows[-1] if rows else None
    who, node, at = (last.actor, str(last.body.get("node", "")), last.at) if last else ("", "", view.opened_at)
    alive = last is not None and now - last.at <= HOP
    fresh = False
    if beat is not None and mine and (beat.at >= at or _at_work(last, beat)):
        who, node, at = str(beat.body["who"]), str(beat.body["node"]), max(at, beat.at)
        fresh = beat.expires_at >= now
        alive = alive or fresh
    if view.state is OperationState.CLOSED:
        return Carried(True, who, node, at, f"It is over: {view.outcome}.")
    if run_state in ("success", "failed", "deleted") and not (fresh and not who.startswith("airflow ")):
        said = f"Its run in Airflow is {run_state}, and the operation is not at its end"
        return _stranded(view, who, node, at, said, run_state)
    if alive:
        return Carried(True, who, node, at, f"{who} carries it on.")
    return _stranded(view, who, node, at, "Nobody carries this operation on", run_state)


def _at_work(last: Event | None, beat: Beat) -> bool:
    """Whether the sign is of the step that the newest row begins: it is left a moment before that row is written."""
    return last is not None and last.kind is EventKind.STEP_INTENDED and last.body.get("node") == beat.body.get("node")


def _stranded(view: OperationView, who: str, node: str, at: float, said: str, run_state: str | None) -> Carried:
    words = f"{said}: its weights stand still, the guard watches on. Last seen: {who} at {node or 'its beginning'}."
    again = f"trigger {_run_of(view)[0]} again with the same run id, {_run_of(view)[1]}"
    clear = again if run_state == "deleted" else f"clear the run {_run_of(view)[1]} of {_run_of(view)[0]} in Airflow"
    by = "--by <name> --reason <why>"
    ways = [clear] if _run_of(view)[1] else []
    ways.append(f"tidegate break-glass {view.service} {view.id} {by}")
    if view.kind is OperationKind.PROMOTION and view.state is OperationState.RUNNING and not view.committed:
        ways.append(f"tidegate abort {view.service} {view.id} {by}, then one of the above for the way back")
    return Carried(False, who, node, at, words, tuple(ways))


def _run_of(view: OperationView) -> tuple[str, str]:
    """DAG and run id as the request names them; empty for an operation that Airflow did not begin."""
    dag, _, run = view.request_id.partition("/")
    return (dag, run) if view.kind in GOOD_END and dag == dag_id(view.kind, view.service) else ("", "")
