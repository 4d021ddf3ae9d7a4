"""Which flags a release may ask for, and which of them are still to be shown to customers."""

from __future__ import annotations

from collections.abc import Mapping

from tidegate.errors import Refused
from tidegate.model.flags import NEVER_SET, FlagFact, Setting
from tidegate.model.release import Release
from tidegate.model.traffic import TOTAL
from tidegate.steps.contract import StepWorld

ENDED = Setting(TOTAL, default=True)  # shown to everybody, and known to be good


def flags_to_open(world: StepWorld, release: Release) -> dict[str, Setting]:
    """The release's flags that are not shown to everybody yet, each at what is known to be good: there it goes back to.
    Raises :class:`Refused`."""
    refuse_unfit_flags(release, world.known.flags, world.known.retired_flags)
    if world.estate.flags is None or "exposure" not in world.settings or not release.flags:
        return {}
    opens = {key: _good(world.known.flags, key) for key in release.flags if _now(world.known.flags, key) != ENDED}
    state = world.estate.flags.observe()
    if opens and state.broken:
        raise Refused(
            f"the source of flags cannot be understood: {state.broken}", next_step="put it right, then promote again"
        )
    for key in sorted(opens):
        if key in state.retired | state.foreign:
            what = "is retired" if key in state.retired else "was put into the source by somebody else"
            raise Refused(f"flag {key} {what}", next_step="build the release with a new key")
    return opens


def refuse_unfit_flags(release: Release, flags: Mapping[str, FlagFact], retired: frozenset[str]) -> None:
    """Raises :class:`Refused` for a retired key, and for a default that is not the last value known to be good: an
    outage of the flags' source would change what customers see."""
    if gone := sorted(retired & set(release.flags)):
        raise Refused(
            f"release {release.version} asks for the retired flag {gone[0]}: a key is never used again",
            next_step="build the release with a new key",
        )
    for key, default in release.flag_defaults.items():
        good = _good(flags, key).default
        if default != good:
            have, want = ("on", "off") if default else ("off", "on")
            raise Refused(
                f"release {release.version} has flag {key} {have} where nothing decides, but {want} is what is known "
                "to be good: an outage of the flags' source would change what customers see",
                next_step=f"build it with --flag {key}={want}",
            )


def _now(flags: Mapping[str, FlagFact], key: str) -> Setting:
    return flags[key].now if key in flags else NEVER_SET


def _good(flags: Mapping[str, FlagFact], key: str) -> Setting:
    default = _now(flags, key).default
    return Setting(TOTAL if default else 0, default)
