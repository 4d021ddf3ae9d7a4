"""Admit a release: files, signatures, age, veto, secrets. Reads only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.drivers.artifacts.contract import ReleaseIndex
from tidegate.errors import Refused
from tidegate.model.binding import release_to_json
from tidegate.model.flags import settings_json
from tidegate.model.mix import uncertified, vetoed_part
from tidegate.model.release import Release
from tidegate.steps.admit_flags import flags_to_open
from tidegate.steps.contract import Look, Result, StepWorld, Verb
from tidegate.steps.flag_exposure import EXPOSES
from tidegate.steps.record import Record
from tidegate.steps.secret_access import prove


class VerifyRelease(Record):
    """The age rule binds promotion only: a certified baseline stays admissible unless it is vetoed."""

    def describe(self, args: Mapping[str, Any]) -> str:
        return (
            "verify the candidate: SHA-256 of every file, m-of-n signatures, not older than the index allows, no veto, "
            "every secret that it takes is in the vault, no flag is retired, each default is known to be good"
        )

    def verify(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> Result:
        artifacts, version = world.estate.artifacts, world.binding.candidate_version
        release = artifacts.verify(version)
        _refuse_unfit(release, world)
        opens = flags_to_open(world, release)
        secrets = prove(world, release, tuple(world.shares))
        detail = f"{version} is what its builders signed: {release.digest}{secrets}"
        return Result(detail, {"release": release_to_json(release), EXPOSES: settings_json(opens)})


def _refuse_unfit(release: Release, world: StepWorld) -> None:
    index = world.estate.artifacts.index()
    if bad := vetoed_part(release, world.known.vetoed):
        raise Refused(
            f"release {bad} ({release.parents.get(bad, release.digest)}) is vetoed", next_step="promote another release"
        )
    if world.binding.fast_track not in ("", release.digest):
        raise Refused(
            f"release {release.version} on offer has digest {release.digest}, but {world.binding.fast_track} was "
            "certified: the fast track brings back what was, and nothing else",
            next_step="promote it without the fast track, or restore the certified files to the artifact store",
        )
    if release.digest == world.binding.stable.digest:
        raise Refused(f"release {release.version} is the stable release already", next_step="nothing to do")
    if fault := index.shuts_out(release):
        raise Refused(
            f"release {release.version} is properly signed, but {fault}",
            next_step="promote a newer release, or roll back to a certified baseline instead",
        )
    _refuse_old_parts(release, index, world)


def _refuse_old_parts(release: Release, index: ReleaseIndex, world: StepWorld) -> None:
    """Nothing that is too old comes in as a component; a certified baseline is not, however old it is."""
    for version in uncertified(release, world.known.baselines) if release.parents else ():
        if fault := index.shuts_out(world.estate.artifacts.verify(version)):
            raise Refused(
                f"release {release.version} is made of {version}, but {fault}", next_step="mix in a newer one"
            )


VERB: Verb = VerifyRelease()
