"""What the verbs share that show customers what is behind a flag, or take it away again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.drivers.flags.contract import Because, Flags, Setting
from tidegate.errors import Refused
from tidegate.journal.model import EventKind
from tidegate.model.flags import NEVER_SET, settings_from_json, settings_json
from tidegate.steps.contract import Look, Result, Standing, StepWorld

ADMITTED = "admit.verify"  # the node that notes which flags a release opens, and how they stood before
EXPOSES = "exposes"  # where its facts have them
SETTLE_WITHIN = 10.0  # seconds for the source to hold what was written


def the_flags(world: StepWorld) -> Flags:
    """The driver. Raises :class:`Refused` if the policy has none."""
    if world.estate.flags is None:
        raise Refused("this policy has no driver of flags", next_step="drivers: {flags: {kind: …}}")
    return world.estate.flags


def opened(world: StepWorld) -> dict[str, Setting]:
    """The flags that this promotion's release opens, each as it stood before."""
    return settings_from_json(world.known.facts.get(ADMITTED, {}).get(EXPOSES, {}))


def look_forward(world: StepWorld, wanted: Mapping[str, Setting]) -> Look:
    """Whether the source has ``wanted``, or what we left there. Anything else is somebody else's."""
    state = the_flags(world).observe()
    if state.broken:
        return Look(Standing.FOREIGN_CHANGE, f"the source of flags cannot be understood: {state.broken}")
    if strange := sorted(wanted.keys() & (state.foreign | state.edited | state.retired)):
        return Look(Standing.FOREIGN_CHANGE, f"not as we left it: {', '.join(strange)}")
    found = {key: state.flags.get(key, NEVER_SET) for key in wanted}
    said = _words(found)
    if state.has(wanted):
        return Look(Standing.DONE, said)
    left = {key: world.known.flags[key].now if key in world.known.flags else NEVER_SET for key in wanted}
    strange = sorted(key for key in wanted if found[key] not in (wanted[key], left[key]))
    if strange:
        return Look(Standing.FOREIGN_CHANGE, f"{said}; we left {_words(left)}")
    return Look(Standing.NOT_DONE, said)


def write(world: StepWorld, wanted: Mapping[str, Setting]) -> None:
    """Make it so, in the name of who asked for the operation."""
    the_flags(world).apply(wanted, world.token, Because(world.requester, world.reason))


def read_back(world: StepWorld, wanted: Mapping[str, Setting], before: Mapping[str, Setting], version: str) -> Result:
    """Wait until the source itself has ``wanted``; what it says goes into the journal, with who and why."""
    flags = the_flags(world)
    world.wait(lambda: flags.observe().has(wanted), within=SETTLE_WITHIN, what=f"flags {_words(wanted)}")
    facts: dict[str, Any] = {"flags": settings_json(wanted), "changed": bool(wanted)}
    rows = {key: {"now": now.to_json(), "before": before[key].to_json()} for key, now in wanted.items()}
    body = {"flags": rows, "version": version, "by": world.requester, "why": world.reason}
    return Result(_words(wanted), facts, ((EventKind.FLAGS_SET, body),))


def _words(settings: Mapping[str, Setting]) -> str:
    return "; ".join(f"{key}: {setting}" for key, setting in sorted(settings.items())) or "no flag"
