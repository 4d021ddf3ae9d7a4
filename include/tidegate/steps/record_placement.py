"""Record where the service is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.errors import NotYet
from tidegate.journal.model import EventKind
from tidegate.model.placement import Placement
from tidegate.steps.contract import Look, Result, StepWorld, Verb
from tidegate.steps.record import Record


class RecordPlacement(Record):
    """Looks once more: who takes writes, which part of the traffic each region has, and who is waited for."""

    def describe(self, args: Mapping[str, Any]) -> str:
        return f"record where the service is, {'protected' if args['protected'] else 'without protection'}"

    def verify(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> Result:
        region, database = world.binding.region(args["region"]), world.estate.database
        writers, split = database.writers(), world.estate.traffic.observe().split
        if writers != (region,):
            raise NotYet(f"{' and '.join(writers) or 'no database'} takes writes, expected {region}", next_step="look")
        if split is None:
            raise NotYet("the router has no route of ours", next_step="look at the router")
        shares = {name: split.region_share(name) for name in world.shares}
        states = database.observe()
        synced = [name for name, state in states.items() if name != region and state.synchronous]
        policy = {name: world.settings["shares"][name] for name in world.shares}
        away = region != world.settings["failover"]["home"] or shares != policy
        held = synced[0] if synced and args["protected"] else ""
        placement = Placement(region, shares, bool(args["protected"]), away, world.operation, held)
        words = f"{region} takes writes; traffic: {', '.join(f'{n} {s / 100:g}%' for n, s in shares.items())}"
        return Result(words, placement.to_json(), ((EventKind.PLACEMENT_RECORDED, placement.to_json()),))


VERB: Verb = RecordPlacement()
