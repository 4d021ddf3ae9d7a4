"""Take back what was shown behind flags: the least invasive reversion there is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.drivers.flags.contract import Setting
from tidegate.steps.contract import Look, Result, Standing, StepWorld, Verb
from tidegate.steps.flag_exposure import opened, read_back, the_flags, write


class WithdrawFlags:
    """Each flag goes back to how it stood before: in a promotion those that it opened, and of these only the guilty one
    where the guard could tell; in a rollback those that the release brought which is left. Writes over whatever
    somebody else did to them."""

    def describe(self, args: Mapping[str, Any]) -> str:
        return "flags back to how they stood before: only the one that failed, where that is known"

    def check(self, args: Mapping[str, Any], world: StepWorld) -> Look:
        wanted = _wanted(world)
        if not wanted:
            return Look(Standing.DONE, "no flag was shown to anybody")
        state = the_flags(world).observe()
        done = state.has(wanted) and state.epoch >= world.known.fence
        said = state.broken or ", ".join(f"{key}: {state.flags.get(key)}" for key in sorted(wanted))
        return Look(Standing.DONE if done else Standing.NOT_DONE, said)

    def apply(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> None:
        write(world, _wanted(world))

    def verify(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> Result:
        wanted = _wanted(world)
        if not wanted:
            return Result("no flag was shown to anybody", {"flags": {}, "changed": False})
        return read_back(world, wanted, wanted, world.binding.candidate_version)


def _wanted(world: StepWorld) -> dict[str, Setting]:
    if before := opened(world):
        guilty = {key: setting for key, setting in before.items() if key in world.known.guilty}
        return (guilty or before) if world.known.exposing else {}
    left = world.binding.candidate_version
    mine = {key: fact for key, fact in world.known.flags.items() if fact.version == left}
    return {key: fact.before for key, fact in mine.items() if fact.now != fact.before}


VERB: Verb = WithdrawFlags()
