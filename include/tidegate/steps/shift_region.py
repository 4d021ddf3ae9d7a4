"""Move traffic from one region to the other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.errors import EffectError
from tidegate.model.traffic import TOTAL, Split, canary_split
from tidegate.steps.contract import Look, Result, Standing, StepWorld, Verb
from tidegate.steps.region_room import await_seen, room_for, room_of
from tidegate.steps.shift_traffic import read_back


class ShiftRegion:
    """``part``: basis points of the way from the shares at the beginning to those at the end; 0 is the way back.
    ``region``: the role of the one that gets more; what it has already is not taken from it. ``as_far_as_room``: only
    as much as its running instances can carry; the rest is left to the steps that follow.

    Whatever a promotion had given a candidate goes to the stable release by this.
    """

    def describe(self, args: Mapping[str, Any]) -> str:
        if not args["part"]:
            return "traffic goes back to where it was"
        room = ", as far as it has room" if args.get("as_far_as_room") else ""
        return f"{args['part'] / 100:g}% of what is to move goes to the {args['region']}{room}"

    def check(self, args: Mapping[str, Any], world: StepWorld) -> Look:
        if args.get("as_far_as_room"):
            await_seen(world, world.binding.region(args["region"]))
        state = world.estate.traffic.observe()
        wanted = _wanted(args, world, state.split)
        done = state.split == wanted and state.epoch >= world.known.fence
        begun = bool(args["part"]) and not args.get("as_far_as_room")
        if not done and begun and state.split != world.known.left_split:
            return Look(Standing.FOREIGN_CHANGE, f"the router has {state.split}, we left {world.known.left_split}")
        aim = {"split": str(wanted), "counters": counters_of(world, args)}
        return Look(Standing.DONE if done else Standing.NOT_DONE, f"the router has {state.split}", aim)

    def apply(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> None:
        world.estate.traffic.apply(Split.parse(look.aim["split"]), world.token)

    def verify(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> Result:
        read = read_back(world, Split.parse(look.aim["split"]))
        return Result(read.detail, {**read.facts, "counters": look.aim["counters"], "at": world.clock.now()})


def _wanted(args: Mapping[str, Any], world: StepWorld, seen: Split | None) -> Split:
    slot, region = world.binding.stable_slot, world.binding.region(args["region"])
    shares = world.shares_at(int(args["part"]))
    if args.get("as_far_as_room"):
        shares = _as_far_as_room(world, region, shares)
    if args["part"] and seen is not None and seen.region_share(region) > shares[region]:
        shares = {name: seen.region_share(name) for name in shares}
    return canary_split(shares, slot, {})


def _as_far_as_room(world: StepWorld, region: str, shares: dict[str, int]) -> dict[str, int]:
    """Where nobody can say what the region carries, all of it goes there: nobody else is left to serve it."""
    try:
        row = room_of(world, region)
    except EffectError:
        return shares
    most = min(shares[region], max(room_for(row), world.shares[region]))
    (other,) = (name for name in shares if name != region)
    return {name: most if name == region else TOTAL - most for name in (region, other)} if most < TOTAL else shares


def counters_of(world: StepWorld, args: Mapping[str, Any]) -> list[int]:
    """Requests and errors of the region's stable arm as it begins, for the gate behind."""
    arm = world.binding.arm(args["region"], "stable")
    try:
        seen = world.estate.metrics.counters()
    except EffectError:
        return [0, 0]
    return [seen.requests.get(arm, 0), seen.errors.get(arm, 0)]


VERB: Verb = ShiftRegion()
