"""Say what the repairs would change, before they do. Reads only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from tidegate.steps.contract import Look, Result, StepWorld, Verb
from tidegate.steps.due_repairs import Due, all_repairs, order_of
from tidegate.steps.record import Record


class PreviewRepair(Record):
    """For each repair that is due: how its table differs from its events, in counts and some keys, or its statement. It
    is in the journal, and on the operation's page, before anything is changed."""

    def describe(self, args: Mapping[str, Any]) -> str:
        return f"note what the repairs would change, if they are due: {', '.join(r['id'] for r in args['repairs'])}"

    def verify(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> Result:
        found = {due.name: _preview(due, world) for due in all_repairs(args, world) if due.now}
        words = "; ".join(f"{name}: {entry['what']}, {entry['found']}" for name, entry in found.items())
        return Result(words or "no declared repair is due", {"repairs": found})


def _preview(due: Due, world: StepWorld) -> dict[str, Any]:
    entry: dict[str, Any] = {"what": due.what, "because": f"{due.result.id}: {due.result.detail}"}
    order = order_of(due.spec)
    if order.projection is None:
        return {**entry, "found": due.result.detail, "statement": order.sql}
    differs = world.estate.database.difference(order.projection, due.spec.get("personal", ()))
    return {**entry, "found": f"{differs} (up to {differs.position})", "difference": asdict(differs)}


VERB: Verb = PreviewRepair()
