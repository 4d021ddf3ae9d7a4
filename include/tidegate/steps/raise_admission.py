"""Admit more of the sessions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.errors import NotYet, Refused
from tidegate.journal.model import EventKind
from tidegate.model.admission import Admission, admitting
from tidegate.model.traffic import TOTAL
from tidegate.steps.admitted import WENT_ON_BLIND, Carried, admitting_router, carried, in_words, noted
from tidegate.steps.contract import Look, Result, Standing, StepWorld, Verb
from tidegate.steps.shift_region import counters_of
from tidegate.steps.shift_traffic import SETTLE_WITHIN


class RaiseAdmission:
    """``part``: basis points of all sessions; who is admitted stays so. No more than the region carries; half of the
    way where nobody can say what that is, and never all of it."""

    def describe(self, args: Mapping[str, Any]) -> str:
        return f"{args['part'] / 100:g}% of the sessions are admitted, as far as the {args['region']} carries them"

    def check(self, args: Mapping[str, Any], world: StepWorld) -> Look:
        state, part = world.estate.traffic.observe(), int(args["part"])
        if state.split != world.known.left_split:
            left = world.known.left_split
            return Look(Standing.FOREIGN_CHANGE, f"the router has {state.split}, we left {left}")
        if state.admission.admitted >= part:
            aim = {"admission": str(state.admission), "blind": False, "words": state.admission.words}
            return Look(Standing.DONE, state.admission.words, {**aim, "counters": counters_of(world, args)})
        found = carried(world, world.binding.region(args["region"]))
        wanted = admitting(_aim(state.admission.admitted, part, found), int(args["retry_after"]))
        aim = {"admission": str(wanted), "blind": found is None, "words": in_words(found, wanted)}
        return Look(Standing.NOT_DONE, state.admission.words, {**aim, "counters": counters_of(world, args)})

    def apply(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> None:
        router, split = admitting_router(world), world.known.left_split
        if router is None or split is None:
            raise Refused("this router can turn nobody away, so there is nobody to admit")
        router.admit(split, Admission.parse(look.aim["admission"]), world.token)

    def verify(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> Result:
        wanted, observe = Admission.parse(look.aim["admission"]), world.estate.traffic.observe
        world.wait(lambda: observe().admission == wanted, within=SETTLE_WITHIN, what=wanted.words)
        facts = {"admitted": wanted.admitted, "counters": look.aim["counters"], "at": world.clock.now()}
        blind = ((EventKind.NOTE, noted(WENT_ON_BLIND, look.aim["words"])),) if look.aim["blind"] else ()
        return Result(look.aim["words"], {**facts, "split": str(world.known.left_split)}, blind)


def _aim(admitted: int, part: int, found: Carried | None) -> int:
    """Basis points. Raises :class:`NotYet` for everybody while that is more than what is known to be carried."""
    if found is None and part == TOTAL:
        raise NotYet("not to be told whether the region carries everybody", next_step="retry this task: it looks first")
    aim = (admitted + part) // 2 if found is None else min(part, found.sessions)
    if aim < part == TOTAL:
        raise NotYet("the region does not carry everybody yet", next_step="more instances; then retry this task")
    return max(admitted, aim)


VERB: Verb = RaiseAdmission()
