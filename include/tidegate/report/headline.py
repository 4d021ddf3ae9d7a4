"""The first thing a reader wants to know of an operation: did anything change, is it safe, what next."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from tidegate.engine.after_promotion import watched_until
from tidegate.engine.assess_rung import beyond
from tidegate.engine.view import OperationView
from tidegate.model.ladder import Rung
from tidegate.model.operation import MOVING, OperationKind, OperationState, Outcome, service_of
from tidegate.plan.model import Phase
from tidegate.report import moved, restored
from tidegate.report.rungs import how_far, owed

ABORTED = "aborted by "  # how an operation's reason begins when a person ended it
GAVE_WAY = "gives way to "  # and when it made room for one of a higher rank


@dataclass(frozen=True)
class Headline:
    """``tone``: ``good``, ``bad``, ``ask`` or ``open``."""

    title: str
    changed: str
    safe: str
    next: str
    tone: str


def headline(view: OperationView, closed_why: str, guard_alive: bool, waits: str = "") -> Headline:
    """Pure. ``closed_why``: what the closing row says, empty while the operation is open. ``waits``: what the node that
    is next waits for, in words, if it is known."""
    if view.outcome is not None:
        if view.kind is OperationKind.RESTORE:
            return Headline(*restored.closed(view, closed_why))
        return Headline(*moved.closed(view, closed_why)) if view.kind in MOVING else _closed(view, closed_why)
    if view.held is not None:
        return _held(view, guard_alive)
    top = _stopping(view, guard_alive) if view.state is OperationState.STOPPING else _running(view, guard_alive)
    return replace(top, next=waits) if waits and not view.failures else top


def _closed(view: OperationView, why: str) -> Headline:
    candidate, stable = view.binding.candidate_version, view.binding.stable.version
    if view.binding.preview and view.outcome is not Outcome.REFUSED:
        return _closed_preview(view, why)
    if view.outcome is Outcome.PROMOTED:
        changed = f"Yes: {candidate} is the stable release in every region."
        back = f"Nothing. The way back: rollback__{view.service} to {stable}.{_watched_until(view)}"
        return Headline(f"{candidate} is promoted", changed, "Yes.", back, "good")
    if view.outcome is Outcome.ROLLED_BACK and view.kind is OperationKind.ROLLBACK:
        left = how_far(view) or "it is stopped"
        if (after := beyond(view)) and view.rungs and view.stopped_at is None:
            changed = f"Yes: {stable} takes all traffic, and that did not restore it."
            return Headline(
                f"Rolled back to {stable}: not restored", changed, f"NO: {view.rungs[-1].why}", after, "ask"
            )
        changed = f"Yes: {stable} takes all traffic again. {candidate}: {left}."
        return Headline(f"Rolled back to {stable}", changed, "Yes.", _after("Nothing.", view), "good")
    if view.outcome is Outcome.ROLLED_BACK and view.why_back.startswith(ABORTED):
        after = _after(f"Nothing. It was {why}", view)
        return Headline(f"{candidate} was aborted and taken back", _taken_back(view), "Yes.", after, "bad")
    if view.outcome is Outcome.ROLLED_BACK and view.why_back.startswith(GAVE_WAY):
        after = _after(f"Nothing. It {why}", view)
        return Headline(f"{candidate} made room and was taken back", _taken_back(view), "Yes.", after, "bad")
    if view.outcome is Outcome.ROLLED_BACK:
        after = _after(f"Find out why: {why}", view)
        return Headline(f"{candidate} was caught and rolled back", _taken_back(view), "Yes.", after, "bad")
    if view.why_back.startswith(ABORTED):
        title, after = f"{candidate} was aborted before anything was touched", f"Nothing. It was {why}"
        return Headline(title, "No.", "Yes, nothing was touched.", after, "bad")
    if view.why_back.startswith(GAVE_WAY):
        title = f"{candidate} made room before anything was touched"
        return Headline(title, "No.", "Yes, nothing was touched.", f"Nothing. It {why}", "bad")
    return Headline(f"{candidate} was refused", "No.", "Yes, nothing was touched.", why, "bad")


def _closed_preview(view: OperationView, why: str) -> Headline:
    candidate, safe = view.binding.candidate_version, "Yes. Everybody else is served as before."
    if view.outcome is Outcome.PREVIEWED:
        changed = f"Yes: {candidate} runs in {view.binding.preview} for those who ask for it by name."
        after = f"Nothing. To take it away: tidegate preview withdraw {service_of(view.service)} --reason <why>"
        return Headline(f"{candidate} is shown as a preview", changed, safe, after, "good")
    if view.outcome is Outcome.WITHDRAWN:
        changed = f"Yes: {candidate} is stopped, and no header leads to it."
        return Headline(f"The preview of {candidate} is withdrawn", changed, safe, "Nothing.", "good")
    changed = "Yes, and it was taken back."
    return Headline(f"The preview of {candidate} did not come about", changed, safe, f"Find out why: {why}", "bad")


def _watched_until(view: OperationView) -> str:
    """Until when the guard goes on judging the release, if the plan says so."""
    until = watched_until(view)
    if until is None:
        return ""
    words = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(until))
    return f" Watched until {words} UTC."


def _taken_back(view: OperationView) -> str:
    """How far: by the ladder's last rung, where there was a ladder."""
    candidate, stable = view.binding.candidate_version, view.binding.stable.version
    if view.stopped_at is Rung.FLAGS:
        return f"Yes, and it was taken back. {candidate}: {how_far(view)}."
    left = f" {candidate}: {how_far(view)}." if view.stopped_at else ""
    return f"Yes, and it was taken back: {stable} takes all traffic, as before.{left}"


def _after(words: str, view: OperationView) -> str:
    """What is next, with what a silent region owes."""
    return f"{words} Owed: {owed(view)}." if owed(view) else words


def _running(view: OperationView, guard_alive: bool) -> Headline:
    if view.kind in MOVING:
        title, changed, safe = moved.opened(view)
        return Headline(title, changed, safe, _next(view, Phase.FORWARD), "open")
    if view.kind is OperationKind.RESTORE:
        return Headline(*restored.opened(view), _next(view, Phase.FORWARD), "open")
    changed = "Yes, and it goes on." if view.touched else "Not yet."
    title = f"{view.kind.value.capitalize()} of {view.binding.candidate_version} is under way"
    return Headline(title, changed, _watched(guard_alive), _next(view, Phase.FORWARD), "open")


def _held(view: OperationView, guard_alive: bool) -> Headline:
    assert view.held is not None
    if view.state is OperationState.STOPPING:
        back = _stopping(view, guard_alive)
        waits = f"Resume it: the rest of the way back waits for that. {view.held.person} paused it: {view.held.why}"
        return replace(back, title=f"{back.title}, and paused", next=waits)
    title = f"{subject(view)} is paused"
    changed = "Yes, and it stands still." if view.touched else "Not yet, and it stands still."
    after = f"Resume or abort it. {view.held.person} paused it: {view.held.why}"
    safe = _watched(guard_alive) + (" It may stop the loss all the same." if guard_alive else "")
    return Headline(title, changed, safe, after, "ask")


def subject(view: OperationView) -> str:
    """``Promotion of 1.1.0``, ``Failover from east to west``."""
    kind, binding = view.kind.value.capitalize(), view.binding
    if view.kind is OperationKind.RESTORE:
        return f"Restore of {binding.restored['id']}"
    moves = f"from {binding.source} to {binding.target}"
    return f"{kind} {moves}" if view.kind in MOVING else f"{kind} of {binding.candidate_version}"


def _stopping(view: OperationView, guard_alive: bool) -> Headline:
    title = f"{view.binding.candidate_version} is on its way back"
    changed = f"Yes, and it is being taken back. Why: {view.why_back}"
    if view.kind in MOVING:
        title = f"The switchover to {view.binding.target} turns back"
        return Headline(title, changed, moved.writer(view), _next(view, Phase.RETURN), "bad")
    if view.kind is OperationKind.RESTORE:
        title = f"{view.binding.restored['id']} is not put in place"
        return Headline(title, changed, "Yes: the live database was not touched.", _next(view, Phase.RETURN), "bad")
    safe = f"{_exposure(view)} {_watched(guard_alive)}"
    return Headline(title, changed, safe, _next(view, Phase.RETURN), "bad")


def _exposure(view: OperationView) -> str:
    """Whether users still meet the candidate, by the routing that was left."""
    if view.binding.preview:
        return "Yes: everybody else is served as before."
    if view.left_split is None:
        return "Not known: no routing was ever read back."
    parts = {
        r: view.left_split.within_region(view.binding.arm(r, "candidate")) for r in view.plan.settings["region_order"]
    }
    met = [f"{float(part):.0%} of {region}" for region, part in parts.items() if part]
    return (
        f"Not yet: the candidate still takes {', '.join(met)}."
        if met
        else "Yes, traffic is: none goes to the candidate."
    )


def _watched(guard_alive: bool) -> str:
    return "A guard watches." if guard_alive else "NO GUARD IS ALIVE: weights stand still until one is."


def _next(view: OperationView, phase: Phase) -> str:
    waiting = [n.id for s, n in view.plan.nodes() if s.phase is phase and not view.verified(n.id)]
    if not waiting:
        return "The outcome."
    failed = view.failures.get(waiting[0])
    if failed:
        command = f"tidegate break-glass {view.service} {view.id} --by <name> --reason <why>"
        return f"{waiting[0]} failed: {failed} Clear its task, or: {command}"
    return f"{waiting[0]} ({len(waiting)} left)."
