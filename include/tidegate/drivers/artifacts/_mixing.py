"""A mix, made of releases that were signed: the same two manifests give the same mix everywhere. Pure.

Nobody signs it, and nobody has to: every one of its files stands, with its SHA-256, in a manifest that enough people
have signed, and which files those are follows from its name alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from tidegate.drivers.artifacts._archive import files_digest, first_difference, hashes
from tidegate.drivers.artifacts._components import belongs, components_fault, files_of
from tidegate.drivers.artifacts._manifest import Manifest
from tidegate.errors import Refused, Rejected
from tidegate.model.mix import Mix
from tidegate.model.release import Release

WHOLE = "promote or go back to a whole release instead"


@dataclass(frozen=True)
class Whole:
    """A release with the bytes of its files, each verified. ``parents``: of a mix, version -> digest."""

    manifest: Manifest
    files: Mapping[str, bytes]
    parents: Mapping[str, str]

    @property
    def release(self) -> Release:
        return replace(self.manifest.release(), parents=dict(self.parents))


def mixed(mix: Mix, parents: Mapping[str, Whole]) -> Whole:
    """``parents``: those of the mix, by version. Settings, command and sequence are the base's.

    Raises :class:`Refused` for parents that cannot be merged, :class:`Rejected` if what comes out contradicts itself.
    """
    base = parents[mix.base]
    files, components = dict(base.files), dict(base.manifest.components)
    for name in mix.parts:
        for path in files_of(base.manifest.components.get(name, ()), base.manifest.files):
            del files[path]
    for name, version in mix.parts.items():
        older = parents[version]
        _mergeable(mix, name, base.manifest, older.manifest)
        mine = {p: content for p, content in older.files.items() if belongs(p, older.manifest.components[name])}
        if clash := sorted(mine.keys() & files.keys()):
            raise Refused(
                f"{mix.version} cannot be made: {clash[0]} is a file of {name!r} in {version}, and of something else "
                f"in {mix.base}",
                next_step=WHOLE,
            )
        files |= mine
        components[name] = older.manifest.components[name]
    made = _manifest(mix, parents, files, components)
    if difference := first_difference(hashes(files), made.files):
        raise Rejected(f"{mix.version}: {difference}", next_step=WHOLE)
    return Whole(made, files, {version: parent.manifest.digest for version, parent in parents.items()})


def _mergeable(mix: Mix, name: str, base: Manifest, older: Manifest) -> None:
    for one in (base, older):
        if name not in one.components:
            declared = ", ".join(sorted(one.components)) or "none"
            raise Refused(
                f"{mix.version} cannot be made: {one.version} declares no component {name!r}",
                next_step=f"components of {one.version}: {declared}",
            )
    if older.service != base.service:
        raise Refused(f"{mix.version} cannot be made: {older.version} is a release of {older.service!r}")
    if older.sequence > base.sequence:
        raise Refused(
            f"{mix.version} cannot be made: {older.version} is newer than {mix.base}: only what is older is mixed in",
            next_step=WHOLE,
        )
    if gone := sorted(older.secrets.keys() - base.secrets.keys()):
        raise Refused(
            f"{mix.version} cannot be made: {older.version} takes secret {gone[0]}, which {mix.base} does not have",
            next_step=WHOLE,
        )


def _manifest(
    mix: Mix, parents: Mapping[str, Whole], files: Mapping[str, bytes], components: Mapping[str, tuple[str, ...]]
) -> Manifest:
    """With the hashes that were signed, file by file."""
    base = parents[mix.base].manifest
    signed = {path: sha for path, sha in base.files.items() if path in files}
    for name, version in mix.parts.items():
        older = parents[version].manifest
        signed |= files_of(older.components[name], older.files)
    digest = files_digest(signed)
    made = base.model_copy(
        update={
            "version": mix.version,
            "files": signed,
            "digest": digest,
            "archive": "",
            "components": dict(components),
        }
    )
    if fault := components_fault(components, signed):
        raise Rejected(f"{mix.version} cannot be made: {fault}", next_step=WHOLE)
    return made
