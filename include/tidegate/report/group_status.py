"""How an operation of a group stands, for people: each member, where it is, what is next, who waits for whom."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tidegate.engine.group_view import GroupView
from tidegate.engine.view import fold_operation
from tidegate.journal.store import Journal
from tidegate.plan.group import Stands, Where
from tidegate.report.document import operation_document

_HELD = (Stands.FAILED, Stands.STUCK, Stands.HELD)
_WORDS = {
    Stands.SETTLED: "there",
    Stands.LEFT_OUT: "left out: it failed, and the others went on without it",
    Stands.NEXT: "its turn: nobody has begun it yet",
    Stands.WAITS: "waits for {because}",
    Stands.HELD: "HELD: {because} failed",
    Stands.MOVING: "moving",
    Stands.STUCK: "STUCK in the middle",
    Stands.FAILED: "FAILED, and is where it was",
}


def group_document(journal: Journal, view: GroupView, now: float) -> dict[str, Any]:
    """JSON value. ``safe`` and ``next`` answer what a person on call asks first."""
    members = [_member(journal, view, name, now) for name in view.shape.names]
    return {
        "group": view.group,
        "operation": view.id,
        "kind": view.kind.value,
        "requester": view.requester,
        "reason": view.reason,
        "source": view.source,
        "target": view.target,
        "heading": view.state.heading.value,
        "in_reverse": view.in_reverse,
        "without": sorted(view.state.without),
        "outcome": view.outcome or None,
        "decisions": [{"person": d.person, "why": d.why, "heading": d.heading.value} for d in view.decisions],
        "members": members,
        "next": _next(view),
    }


def _member(journal: Journal, view: GroupView, name: str, now: float) -> dict[str, Any]:
    stands, leg = view.standing(name), view.leg(name)
    because = ", ".join(stands.because)
    return {
        "service": name,
        "where": _where(view, name),
        "state": stands.word.value,
        "because": list(stands.because),
        "words": _WORDS[stands.word].format(because=because),
        "operations": [part.operation for part in leg.parts] if leg else [],
        "at": _inside(journal, view, name, now),
        "why": leg.why if leg and stands.word in _HELD else "",
    }


def _where(view: GroupView, name: str) -> str:
    """The region, or between which two it is under way; of what moves nothing, only whether it is done."""
    where = view.member(name).where
    source, target = view.source or "as it was", view.targets.get(name) or view.target or "done"
    return {
        Where.SOURCE: source,
        Where.TARGET: target,
        Where.LEAVING: f"{source} -> {target}",
        Where.RETURNING: f"{target} -> {source}",
    }[where]


def _inside(journal: Journal, view: GroupView, name: str, now: float) -> str:
    """What its own operation says, while it is under way."""
    leg = view.leg(name)
    if leg is None or not view.under_way(name):
        return ""
    for part in reversed(leg.parts):
        if found := fold_operation(journal.events(part.service, operation=part.operation)):
            waits = next((n.id for _, n in found.plan.nodes() if not found.verified(n.id)), "its end")
            top = operation_document(journal, part.service, found.id, now)["headline"]
            return f"{found.kind.value} at {waits}: {top['title']}. Next: {top['next']}"
    return "its operation has not been opened yet"


def _next(view: GroupView) -> str:
    by, group = "--by <name> --reason <why>", view.group
    words = {view.standing(name).word for name in view.shape.names}
    if view.closed:
        return _after(view)
    if words & {Stands.NEXT, Stands.MOVING}:
        return f"Nothing, while it goes on. If nobody carries it on: {again(view)}"
    back = f"; or back: tidegate group go-back {group} {by}" if view.shape.way_back else ""
    failed = " ".join(f"--without {n}" for n in view.shape.names if view.member(n).failed)
    on = f"mend it, then: tidegate group go-on {group} {by}; or on without it: the same with {failed}"
    return f"A person decides: {on}{back}. Without Airflow, then: {again(view)}"


def again(view: GroupView) -> str:
    """The command that carries the operation on from a terminal."""
    return f"tidegate group carry {view.group} --by <name> --reason <why>"


def _after(view: GroupView) -> str:
    if view.kind.value == "failover" and view.state.heading.value == "there":
        why = "--by <name> --reason <why>"
        return f"Once {view.source} is back: tidegate run reprotect --group {view.group} {why}"
    left = f" Left out: {', '.join(sorted(view.state.without))}: see to it by itself." if view.state.without else ""
    return f"Nothing: it is over.{left}"


def group_lines(document: Mapping[str, Any]) -> Iterator[str]:
    """As ``tidegate status --group`` prints it."""
    goes = f" from {document['source']} to {document['target']}" if document["target"] else ""
    ended = (document["outcome"] or "open").replace("_", " ")
    yield f"{document['group']}: {document['kind']}{goes}: {ended} ({document['operation']})"
    yield f"  asked for by:         {document['requester']}: {document['reason']}"
    order = "whoever needs others moves first" if document["in_reverse"] else "what is needed moves first"
    back = "back, " if document["heading"] == "back" else ""
    yield f"  order:                {back}{order}"
    wide = max(len(m["service"]) for m in document["members"])
    for m in document["members"]:
        yield f"    {m['service']:{wide}}  {m['where']}: {m['words']}"
        if m["at"]:
            yield f"    {'':{wide}}    {m['at']}"
        if m["why"]:
            yield f"    {'':{wide}}    why: {m['why']}"
        if m["at"]:
            yield f"    {'':{wide}}    look: tidegate status {m['service']} --operation {m['operations'][-1]}"
    for one in document["decisions"]:
        yield f"  decided:              {one['heading']}, by {one['person']}: {one['why']}"
    yield f"  what next?            {document['next']}"
