"""Admit the target of a rollback: a certified baseline or a mix of such, not vetoed, fetchable. Reads only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.errors import Refused, Rejected
from tidegate.model.binding import release_to_json
from tidegate.model.mix import uncertified, vetoed_part
from tidegate.model.release import Release
from tidegate.steps.contract import Look, Result, StepWorld, Verb
from tidegate.steps.record import Record
from tidegate.steps.secret_access import prove, regions_in_need


class VerifyTarget(Record):
    """Only a certified baseline is a rollback target, and its files must still be what was certified."""

    def describe(self, args: Mapping[str, Any]) -> str:
        return "verify the baseline to go back to: certified, not vetoed, its files unchanged since, its secrets there"

    def verify(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> Result:
        target = world.binding.stable
        if gone := uncertified(target, world.known.baselines):
            raise Refused(
                f"{gone[0]} ({target.parents.get(gone[0], target.digest)}) is no certified baseline",
                next_step="choose one of: " + ", ".join(b.version for b in world.known.baselines),
            )
        if bad := vetoed_part(target, world.known.vetoed | world.estate.artifacts.index().vetoed):
            raise Refused(f"baseline {bad} is vetoed", next_step="choose an older baseline")
        found = world.estate.artifacts.verify(target.version)
        if found.digest != target.digest:
            raise Rejected(
                f"release {target.version} on offer has digest {found.digest}, but {target.digest} was certified",
                next_step="restore the certified files to the artifact store",
            )
        secrets = prove(world, found, regions_in_need(world, found))
        return Result(
            f"{target.version} {_is(target)} and can be fetched{secrets}",
            {"release": release_to_json(found)},
        )


def _is(target: Release) -> str:
    return (
        f"is made of {' and '.join(target.parents)}, certified baselines,"
        if target.parents
        else "is a certified baseline"
    )


VERB: Verb = VerifyTarget()
