"""Admit a release as a preview: what is asked of any release, and that it can live beside what serves. Reads only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.errors import Refused
from tidegate.model.binding import release_to_json
from tidegate.model.preview_arm import VALUE
from tidegate.model.release import Release
from tidegate.steps.contract import Look, Result, StepWorld, Verb
from tidegate.steps.preview_route import previewing
from tidegate.steps.record import Record
from tidegate.steps.secret_access import prove


class AdmitPreview(Record):
    """It shares the database with what serves, so it must need the very schema that is there."""

    def describe(self, args: Mapping[str, Any]) -> str:
        return (
            "verify the preview: SHA-256 of every file, m-of-n signatures, not older than the index allows, no veto, "
            "every secret in the vault, no schema of its own"
        )

    def verify(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> Result:
        version = world.binding.candidate_version
        previewing(world)
        release = world.estate.artifacts.verify(version)
        _refuse_unfit(release, world)
        secrets = prove(world, release, (world.binding.preview,))
        detail = f"{version} is what its builders signed: {release.digest}{secrets}"
        return Result(detail, {"release": release_to_json(release)})


def _refuse_unfit(release: Release, world: StepWorld) -> None:
    stable = world.binding.stable
    if release.digest in world.known.vetoed:
        raise Refused(f"release {release.version} ({release.digest}) is vetoed", next_step="preview another release")
    if release.digest == stable.digest:
        raise Refused(f"release {release.version} is the stable release already", next_step="nothing to do")
    if fault := world.estate.artifacts.index().shuts_out(release):
        raise Refused(f"release {release.version} is properly signed, but {fault}", next_step="preview a newer release")
    if release.schema_revision != stable.schema_revision:
        raise Refused(
            f"release {release.version} needs the schema at {release.schema_revision or 'nothing'}, and what serves "
            f"({stable.version}) needs {stable.schema_revision or 'nothing'}: a preview changes no schema",
            next_step="promote it, or build the branch on the schema that is there",
        )
    if not VALUE.fullmatch(release.version):
        raise Refused(f"{release.version!r} cannot be a header's value", next_step="publish it under a plainer version")


VERB: Verb = AdmitPreview()
