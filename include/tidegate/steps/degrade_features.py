"""Switch off what the service can do without, while it has too little capacity for everybody."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from tidegate.drivers.flags.contract import FlagsState
from tidegate.errors import EffectError
from tidegate.journal.model import EventKind
from tidegate.model.flags import NEVER_SET, Setting, settings_from_json, settings_json
from tidegate.steps.admitted import noted
from tidegate.steps.contract import Look, Result, Standing, StepWorld, Verb
from tidegate.steps.feature import set_rows
from tidegate.steps.flag_exposure import SETTLE_WITHIN, the_flags, write

NOT_SWITCHED_OFF = "features could not be switched off"
log = logging.getLogger(__name__)


class DegradeFeatures:
    """``flags``: keys. Those that are on are switched off for everybody, and how they stood is kept. One that is not
    ours, or that somebody has changed by hand, is left alone. A source of flags that does not answer stops no failover:
    the features stay on, and a note says so."""

    def describe(self, args: Mapping[str, Any]) -> str:
        return f"switch off {', '.join(args['flags'])} while not everybody is admitted"

    def check(self, args: Mapping[str, Any], world: StepWorld) -> Look:
        try:
            state = the_flags(world).observe()
        except EffectError as error:
            return Look(Standing.DONE, f"flags: {error}", {"was": {}, "why": str(error)})
        found = {key: _stood(world, state, key) for key in args["flags"] if key not in _others(state)}
        was = {key: setting for key, setting in found.items() if setting != NEVER_SET}
        aim = {"was": settings_json(was), "why": state.broken}
        done = bool(state.broken) or state.has(dict.fromkeys(was, NEVER_SET))
        said = state.broken or (f"on: {', '.join(was)}" if was and not done else "nothing is left to switch off")
        return Look(Standing.DONE if done else Standing.NOT_DONE, said, aim)

    def apply(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> None:
        try:
            write(world, dict.fromkeys(look.aim["was"], NEVER_SET))
        except EffectError as error:  # verify says what came of it
            log.warning("features of %s could not be switched off: %s", world.operation, error)

    def verify(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> Result:
        was = settings_from_json(look.aim["was"])
        wanted = dict.fromkeys(was, NEVER_SET)
        facts, why = {"was": settings_json(was)}, look.aim["why"] or _not_taken(world, wanted)
        if why:
            return Result(f"STILL ON: {why}", facts, ((EventKind.NOTE, noted(NOT_SWITCHED_OFF, why)),))
        words = f"switched off for now: {', '.join(was)}" if was else "none of them is on"
        return Result(words, facts, tuple(set_rows(world, wanted, was)))


def _others(state: FlagsState) -> frozenset[str]:
    """What is not ours to touch."""
    return state.foreign | state.edited | state.retired


def _stood(world: StepWorld, state: FlagsState, key: str) -> Setting:
    """By the journal, which still knows it when a step that was killed after its write looks again."""
    fact = world.known.flags.get(key)
    return fact.now if fact else state.flags.get(key, NEVER_SET)


def _not_taken(world: StepWorld, wanted: Mapping[str, Setting]) -> str:
    flags = the_flags(world)
    try:
        world.wait(lambda: flags.observe().has(wanted), within=SETTLE_WITHIN, what="the flags switched off")
    except EffectError as error:
        return str(error)
    return ""


VERB: Verb = DegradeFeatures()
