"""A drill whose holder died: the next one brings its environment home, by the same way back, before it begins."""

from __future__ import annotations

from typing import Any

from tidegate.drill.cast import Cast
from tidegate.drill.copies import drop_copies
from tidegate.drill.home import go_home
from tidegate.drill.steady import Steady
from tidegate.engine.drills import Held
from tidegate.engine.view import OperationView
from tidegate.engine.watchkeeping import open_view
from tidegate.journal.model import EventKind
from tidegate.model.drill import Phase
from tidegate.model.operation import OperationKind


def bring_home(cast: Cast, other: Held) -> list[str]:
    """Lift its faults, send its users away, drop what it restored, carry on what nobody carries any more, and go back
    to the steady state that it had measured. Returns the operations on the way; none if it had not come to a steady
    state: then it had touched nothing. Raises what :func:`~tidegate.drill.home.go_home` does."""
    for fault in cast.faults.active():
        if fault.id.startswith(other.id):
            cast.faults.lift(fault.id)
    for which in cast.load.running():
        if which.startswith(other.id):
            cast.load.stop(which)
    drop_copies(cast, other.id)
    before = _measured(cast, other)
    if before is None:
        return []
    view = open_view(cast.world.journal, cast.world.service)
    if view is not None and _nobodys(view, other):
        cast.terminal.ask(view.kind, _asked(view), view.request_id)
    return go_home(cast, None, before)


def _measured(cast: Cast, other: Held) -> Steady | None:
    """The last steady state from before a fault."""
    rows = cast.world.journal.events(cast.service, kinds={EventKind.DRILL_PHASE})
    found = [row.body["facts"] for row in rows if _is(row.body, other.id, Phase.STEADY) and not row.body["wrong"]]
    return Steady.from_json(found[-1]) if found else None


def _is(body: Any, drill: str, phase: Phase) -> bool:
    return bool(body["drill"] == drill and body["phase"] == phase.value)


def _nobodys(view: OperationView, other: Held) -> bool:
    """Begun at a terminal by the drill: it died with whoever held that. What a DAG carries goes on by itself."""
    return view.request_id.startswith(other.id)


def _asked(view: OperationView) -> dict[str, str]:
    """As it was asked for: the same request is the same operation, and is carried on."""
    binding, words = view.binding, {"reason": view.reason, "only": view.binding.only}
    if view.kind is OperationKind.PROMOTION:
        return {**words, "version": binding.candidate_version}
    if view.kind is OperationKind.ROLLBACK:
        return {**words, "target": binding.stable.version}
    return {**words, "target": binding.target} if view.kind is OperationKind.SWITCHOVER else words
