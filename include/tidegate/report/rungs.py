"""The ladder in words and as JSON: which rung was judged how, where it stopped or went on, and why. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.engine.ladder import debts
from tidegate.engine.view import OperationView
from tidegate.model.ladder import Rung
from tidegate.report.markup import Markup, tag

_DONE = {
    Rung.FLAGS: "its flags were taken back, nothing else",
    Rung.TRAFFIC: "its traffic was taken back",
    Rung.RELEASE: "it is stopped",
    Rung.SCHEMA: "it is stopped, schema and data are as before",
    Rung.EVERYWHERE: "it is stopped, and the baseline was brought up anew in every region",
}
_THEN = {"stop": "the last rung", "next": "the next rung follows", "hold": "a person is asked"}


def ladder_document(view: OperationView) -> dict[str, Any]:
    """``rung``: where the ladder stopped, None if it has not. ``judged``: every judgement, in order. ``debts``: what is
    left undone in a region that did not answer."""
    judged = [
        {
            "rung": j.rung.value,
            "restored": j.restored,
            "then": j.then,
            "words": _THEN[j.then],
            "why": j.why,
            "after": round(j.at - view.opened_at, 1),
        }
        for j in view.rungs
    ]
    owed = [{"node": node, **debt} for node, debt in debts(view).items()]
    return {"rung": view.stopped_at.value if view.stopped_at else None, "judged": judged, "debts": owed}


def how_far(view: OperationView) -> str:
    """What became of the release that was left, by the rung that was enough; empty if no rung was judged so."""
    if view.stopped_at is None:
        return ""
    parked = ""
    if view.stopped_at is Rung.TRAFFIC:
        parked = f" and it is parked in slot {view.binding.candidate_slot.value}, without traffic"
    return f"{_DONE[view.stopped_at]}{parked} (the ladder stopped at {view.stopped_at.value})"


def owed(view: OperationView) -> str:
    """What is left undone, in words; empty if nothing is."""
    return "; ".join(f"when {debt['region']} answers again: {debt['what']}" for debt in debts(view).values())


def ladder(document: Mapping[str, Any]) -> Markup | None:
    """The ladder on the operation's page; None where no rung was judged."""
    told = document["ladder"]
    if not told["judged"] and not told["debts"]:
        return None
    marks = {"stop": "✓", "next": "↓", "hold": "✗"}
    rows = [
        tag("li", tag("strong", f"{marks[j['then']]} {j['rung']}"), f": {j['words']}. {j['why']} (+{j['after']:.1f} s)")
        for j in told["judged"]
    ]
    rows += [tag("li", f"Owed in {debt['region']}: {debt['what']} ({debt['why']})") for debt in told["debts"]]
    return tag("section", tag("h2", "The ladder"), tag("ol", rows, class_="ladder"), class_="card")
