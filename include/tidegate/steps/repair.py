"""Repair the data as the policy declares it, once, where a check is violated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.drivers.database.contract import Repaired
from tidegate.errors import NotSettled
from tidegate.steps.contract import Look, Result, Standing, StepWorld, Verb
from tidegate.steps.due_repairs import all_repairs, order_of


class Repair:
    """Compensations and rebuilds. What is on record in the database itself is not done again; whether it helped is for
    the gate behind this rung to say, by the same checks."""

    def describe(self, args: Mapping[str, Any]) -> str:
        named = "; ".join(f"{r['id']} if {r['when']['id']} is violated" for r in args["repairs"])
        return f"repair the data: {named}"

    def check(self, args: Mapping[str, Any], world: StepWorld) -> Look:
        found = all_repairs(args, world)
        due = [one for one in found if one.now]
        if not due:
            spent = [one.name for one in found if one.record and one.record.done]
            return Look(Standing.DONE, f"made already: {', '.join(spent)}" if spent else "no declared repair is due")
        words = "; ".join(f"{one.name}: {one.result.id}: {one.result.detail}" for one in due)
        return Look(Standing.NOT_DONE, f"due: {words}", {"due": [one.name for one in due]})

    def apply(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> None:
        for repair in args["repairs"]:
            if repair["id"] in look.aim["due"]:
                world.estate.database.repair(order_of(repair), world.token)

    def verify(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> Result:
        """What the database has on record: also of a try that was cut off after its work was done."""
        record = world.estate.database.repaired
        made = {r["id"]: found for r in args["repairs"] if (found := record(world.operation, r["id"])) is not None}
        unmade = [name for name in look.aim.get("due", ()) if name not in made or not made[name].done]
        if unmade:
            raise NotSettled(f"not done yet: {', '.join(unmade)}", next_step="retry this task: it carries on")
        changed = any(found.changed for found in made.values())
        words = "; ".join(_words(name, found) for name, found in made.items())
        facts = {"changed": changed, "repairs": {name: found.to_json() for name, found in made.items()}}
        return Result(words or "no declared repair is due", facts)


def _words(name: str, found: Repaired) -> str:
    kept = f", {found.kept} that no event explains are kept" if found.kept else ""
    return f"{name}: {found.changed} rows mended up to {found.position}{kept}"


VERB: Verb = Repair()
