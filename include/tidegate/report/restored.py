"""The first thing a reader wants to know of a restored database that takes the live one's place. Pure."""

from __future__ import annotations

from tidegate.engine.view import OperationView
from tidegate.model.operation import Outcome
from tidegate.plan.names import APPROVE_SWAP, COMPARE_NODE, REPLACED_NODE
from tidegate.report.moved import Lines

_UNTOUCHED = "Yes: the live database was not touched."


def closed(view: OperationView, why: str) -> Lines:
    """How it ended."""
    restored, service = view.binding.restored["id"], view.service
    if view.outcome is Outcome.RESTORED:
        changed = f"Yes: {named(view)} Lost: {view.node(REPLACED_NODE).detail}."
        after = f"Look at what only the replaced one has; once nobody needs it, drop it. {_other(service, restored)}"
        return f"{restored} is the live database", changed, "Yes. Standbys follow it.", after, "good"
    if view.outcome is Outcome.SUPERSEDED:
        return (
            "A failover took over from this restore",
            f"{why}",
            "The failover says.",
            f"tidegate status {service}",
            "bad",
        )
    if view.outcome is Outcome.TURNED_BACK:
        changed = "Yes, and it was taken back: what was loaded is dropped."
        return f"{restored} was not put in place", changed, _UNTOUCHED, f"Find out why: {why}", "bad"
    return "The restore was refused", "No.", "Yes, nothing was touched.", why, "bad"


def opened(view: OperationView) -> tuple[str, str, str]:
    """Title, changed and safe of one that is under way."""
    title = f"{view.binding.restored['id']} is to be the live database"
    if view.committed:
        return title, f"Yes: {named(view)}", "The databases change places in one step; writes go on behind it."
    asked = view.requested.get(APPROVE_SWAP)
    waits = f" It waits for {asked['quorum']} people to sign." if asked and not view.verified(APPROVE_SWAP) else ""
    loss = view.node(COMPARE_NODE).detail
    changed = "A copy is loaded beside the live database." if view.touched else "Not yet."
    return title, changed, f"{_UNTOUCHED}{waits}{f' {loss}.' if loss else ''}"


def named(view: OperationView) -> str:
    """What is live, and where what it has replaced is."""
    replaced = view.facts.get(COMPARE_NODE, {}).get("replaced", "the replaced one")
    return f"{view.binding.source}'s database is {view.binding.restored['id']}; before: {replaced}, kept there."


def _other(service: str, restored: str) -> str:
    return f"The server beside: tidegate restore {service} --discard {restored} --reason <why>."
