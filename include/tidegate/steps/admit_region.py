"""All traffic goes to one region, and no more sessions are admitted than it carries: one write."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.errors import EffectError
from tidegate.journal.model import EventKind
from tidegate.model.admission import EVERYBODY, Admission, admitting
from tidegate.model.traffic import TOTAL, Split, canary_split
from tidegate.steps.admitted import NOT_HELD_BACK, WENT_ON_BLIND, admitting_router, carried, in_words, noted
from tidegate.steps.contract import Look, Result, Standing, StepWorld, Verb
from tidegate.steps.region_room import await_seen
from tidegate.steps.shift_region import counters_of
from tidegate.steps.shift_traffic import read_back


class AdmitRegion:
    """``region``: the role. ``retry_after``: seconds after which the others are asked to come again. ``unknown``: the
    part of the sessions that is admitted where nobody can say what the region carries.

    A router that can turn nobody away gets all of the traffic: nobody else is left to serve it. Where only the database
    moves, traffic stays where it is, and everybody is admitted.
    """

    def describe(self, args: Mapping[str, Any]) -> str:
        again = f"the others get 503 and Retry-After: {args['retry_after']}"
        return f"all traffic goes to the {args['region']}; as many sessions are admitted as it carries, {again}"

    def check(self, args: Mapping[str, Any], world: StepWorld) -> Look:
        region = world.binding.region(args["region"])
        await_seen(world, region)
        found, split = carried(world, region), canary_split(world.shares_at(TOTAL), world.binding.stable_slot, {})
        everything, state = split.region_share(region) == TOTAL, world.estate.traffic.observe()
        admission = admitting(found.sessions if found else int(args["unknown"]), int(args["retry_after"]))
        held_back = admitting_router(world) is not None
        admission = admission if held_back and everything else EVERYBODY
        limited = state.admission != EVERYBODY or admission == EVERYBODY
        done = state.split == split and limited and state.epoch >= world.known.fence
        aim = {"split": str(split), "admission": str(state.admission if done else admission)}
        more = {"counters": counters_of(world, args), "blind": admission != EVERYBODY and found is None}
        more["held_back"] = held_back
        more["refused"] = _refused(world)
        words = in_words(found, Admission.parse(aim["admission"]))
        detail = f"the router has {state.split}, {state.admission.words}"
        return Look(Standing.DONE if done else Standing.NOT_DONE, detail, {**aim, **more, "words": words})

    def apply(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> None:
        router, split = admitting_router(world), Split.parse(look.aim["split"])
        if router is None:
            world.estate.traffic.apply(split, world.token)
        else:
            router.admit(split, Admission.parse(look.aim["admission"]), world.token)

    def verify(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> Result:
        read = read_back(world, Split.parse(look.aim["split"]))
        now = world.estate.traffic.observe().admission
        facts = {**read.facts, "admitted": now.admitted, "counters": look.aim["counters"], "at": world.clock.now()}
        facts["refused"] = look.aim["refused"]
        if not look.aim["held_back"]:
            why = "the router can turn nobody away: the region gets all of the traffic, whatever it carries"
            return Result(why, facts, ((EventKind.NOTE, noted(NOT_HELD_BACK, why)),))
        words = f"{read.detail}; {look.aim['words']}"
        blind = ((EventKind.NOTE, noted(WENT_ON_BLIND, words)),) if look.aim["blind"] else ()
        return Result(words, facts, blind)


def _refused(world: StepWorld) -> int:
    """How many the edge had turned away before."""
    try:
        return world.estate.metrics.counters().refused
    except EffectError:
        return 0


VERB: Verb = AdmitRegion()
