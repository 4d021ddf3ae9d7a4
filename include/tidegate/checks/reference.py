"""What a run of checks compares the data with, besides the data itself; and the statements that do."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tidegate.checks.buckets import Look
from tidegate.checks.model import CheckSpec, Kind
from tidegate.errors import Refused
from tidegate.model.projection import quoted

_REVISION = re.compile(r"^[A-Za-z0-9_.-]{1,64}$")


@dataclass(frozen=True)
class Reference:
    """``snapshot``: as :func:`tidegate.checks.snapshot.take` gave it. ``schema_revision``: what the running release
    needs, "" if it names none. ``standbys``: region -> SQLAlchemy URL with its secret."""

    snapshot: Mapping[str, Any] | None = None
    schema_revision: str = ""
    standbys: Mapping[str, str] = field(default_factory=dict, repr=False)


def follows(spec: CheckSpec, columns: Sequence[str]) -> str:
    """Rows of the projection that are not what the events say. ``columns``: those that its rule gives."""
    return spec.projection.differing(columns)


def unchanged(spec: CheckSpec, reference: Reference) -> str:
    """Buckets of the rows of before the snapshot that are not as they were then."""
    taken = taken_of(spec, reference.snapshot)
    return look_of(spec, taken).differing(taken["buckets"])


def changed_keys(spec: CheckSpec, reference: Reference, buckets: Sequence[int], limit: int) -> str:
    """The keys, among those buckets, of rows that were written since the snapshot."""
    taken = taken_of(spec, reference.snapshot)
    return look_of(spec, taken).written_since(str(taken["mark"]), buckets, limit)


def look_of(spec: CheckSpec, taken: Mapping[str, Any]) -> Look:
    """The rows that were counted when the snapshot was taken."""
    about = spec.about
    columns = tuple(str(column) for column in taken["columns"])
    return Look(about["table"], about["key"], columns, about["written_at"], str(taken["until"]))


def taken_of(spec: CheckSpec, snapshot: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """What the snapshot has of this check. Raises ``Refused`` if there is nothing: nothing to compare with."""
    taken = ((snapshot or {}).get("unchanged") or {}).get(spec.id)
    if not isinstance(taken, Mapping) or not {"until", "mark", "columns", "buckets"} <= set(taken):
        raise Refused(f"the data snapshot has nothing of check {spec.id!r}", next_step="take the snapshot first")
    return taken


def at_revision(spec: CheckSpec, reference: Reference) -> str:
    """The schema's revision, if it is not the one that is needed. Raises ``Refused`` if none is known."""
    wanted = reference.schema_revision
    if not wanted:
        raise Refused("the running release names no schema revision", next_step="put schema_revision into its manifest")
    if not _REVISION.match(wanted):
        raise Refused(f"the release's schema revision {wanted[:64]!r} is not a revision's name")
    return f"""SELECT found.revision FROM (
  SELECT coalesce(string_agg(version_num, ', ' ORDER BY version_num), 'none') AS revision FROM {quoted(spec.table)}
) AS found WHERE found.revision <> '{wanted}'"""  # noqa: S608  # matched and quoted above


def needs(specs: Sequence[CheckSpec], kind: Kind) -> bool:
    """Whether any check is of this kind."""
    return any(spec.kind is kind for spec in specs)
