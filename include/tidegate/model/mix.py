"""The name of a mix: a release of which one component, or several, is as it was in an older release.

``1.9.0+receipts@1.8.0`` is 1.9.0 with the files of its component ``receipts`` from 1.8.0. No plain version holds an
``@``, so the two cannot be taken for each other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tidegate.model.release import Release

MARK = "@"
COMPONENT = re.compile(r"[a-z][a-z0-9_]{0,62}")
_JOINT = re.compile(rf"\+({COMPONENT.pattern}){MARK}")


@dataclass(frozen=True)
class Mix:
    """``base``: the version that gives all files but those of ``parts``: component -> the version it is taken from."""

    base: str
    parts: Mapping[str, str]

    @property
    def version(self) -> str:
        """The one text for it: components in the order of their names."""
        return self.base + "".join(f"+{name}{MARK}{self.parts[name]}" for name in sorted(self.parts))

    @property
    def parents(self) -> tuple[str, ...]:
        """Versions of the signed releases that it is made of, the base first."""
        return (self.base, *dict.fromkeys(self.parts[name] for name in sorted(self.parts)))


def parse_mix(version: str) -> Mix | None:
    """None for the version of a plain release. Raises ValueError for a text that names a mix, but not rightly."""
    if MARK not in version:
        return None
    base, *rest = _JOINT.split(version)
    names, versions = rest[::2], rest[1::2]
    mix = Mix(base, dict(zip(names, versions, strict=True)))
    if not base or MARK in base or not all(versions) or any(MARK in one for one in versions):
        raise ValueError("a mix is written BASE+component@VERSION, like 1.9.0+receipts@1.8.0")
    if len(set(names)) != len(names):
        raise ValueError("a component is named twice")
    if mix.version != version:
        raise ValueError(f"components stand in the order of their names: {mix.version}")
    return mix


def with_component_of(newer: str, component: str, older: str) -> str:
    """The version of ``newer`` with one component more as it is in ``older``; either may be a mix itself.

    Raises ValueError if one of them names a mix wrongly."""
    new, old = parse_mix(newer) or Mix(newer, {}), parse_mix(older) or Mix(older, {})
    return Mix(new.base, {**new.parts, component: old.parts.get(component, old.base)}).version


def vetoed_part(release: Release, vetoed: Iterable[str]) -> str:
    """Which version of what the release is, or is made of, is vetoed by its digest; empty if none is."""
    all_of_it = {**release.parents, release.version: release.digest}
    bad = set(vetoed)
    return next((version for version, digest in all_of_it.items() if digest in bad), "")


def uncertified(release: Release, baselines: Iterable[Release]) -> tuple[str, ...]:
    """What keeps it from being gone back to: itself, if it is no certified baseline; of a mix, those of its parents
    that are none, by version. Empty if it may be a rollback's target."""
    certified = {one.digest for one in baselines}
    if release.digest in certified:
        return ()
    parents = release.parents or {release.version: release.digest}
    return tuple(version for version, digest in parents.items() if digest not in certified)
