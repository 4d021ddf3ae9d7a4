"""Which revisions a release would run, and whether they may be: pure, but for looking into the release's files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tidegate.drivers.migrations.contract import Migrations
from tidegate.errors import Refused
from tidegate.model.release import Release
from tidegate.steps.contract import StepWorld

PROVE_NODE = "admit.prove"
EXPAND_NODE = "expand.migrate"


@dataclass(frozen=True)
class Range:
    """``revisions``: to be run, () with a reason in ``why`` if none is. ``files``: where they are."""

    at: str
    to: str
    revisions: tuple[str, ...]
    files: Path
    why: str = ""


def driver(world: StepWorld) -> Migrations:
    """Raises ``Refused`` if this service has none: a plan that was bound under another policy."""
    found = world.estate.migrations
    if found is None:
        raise Refused("the policy names no driver for migrations any more", next_step="put drivers.migrations back")
    return found


def expand_range(world: StepWorld, release: Release, at: str) -> Range:
    """What brings the schema from ``at`` to what ``release`` needs.

    Raises ``Refused`` if its files do not know the revision that the schema is at, or if the range holds somebody's
    contract that nobody has approved."""
    files = world.estate.artifacts.fetch(release)
    to = release.schema_revision
    if not to or to == at:
        return Range(at, at, (), files, f"the schema is at {at}" if to else "the release names no schema revision")
    if to == world.binding.stable.schema_revision:
        return Range(at, at, (), files, f"the schema is at {at}, and the release needs what the stable one does ({to})")
    revisions = driver(world).between(files, at, to)
    if not revisions:
        return Range(at, at, (), files, f"the schema is at {at}, which is past {to}, what the release needs")
    refuse_contracts(revisions, release, world.known.baselines)
    return Range(at, to, revisions, files)


def refuse_contracts(revisions: Iterable[str], release: Release, baselines: Iterable[Release]) -> None:
    """Raises ``Refused`` if ``revisions`` hold a contract: of the release itself, or a baseline's that is pending. A
    contract closes a rollback window, and is an operation of its own."""
    owners = {one.contract_revision: one for one in (*baselines, release) if one.contract_revision}
    for revision in revisions:
        if owner := owners.get(revision):
            raise Refused(
                f"to expand the schema for {release.version} would run {revision}, which is the contract of "
                f"{owner.version}: it closes the way back to releases before {owner.version}",
                next_step=f"run the contract first, with its approval: tidegate contract <service> --wait; or build "
                f"{release.version} so that its expand does not come after it",
            )


def refuse_completed(revisions: Iterable[str], contracts: Iterable[Mapping[str, Any]]) -> None:
    """Raises ``Refused`` if going down would undo a contract that was completed."""
    done = {str(one["revision"]): one for one in contracts}
    for revision in revisions:
        if contract := done.get(revision):
            raise Refused(
                f"the way back would undo {revision}, the contract of {contract['release']['version']} that was "
                "completed: what it took away cannot be brought back",
                next_step="roll forward: mend the release and promote it; or restore a backup beside this database",
            )
