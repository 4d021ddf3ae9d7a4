"""All groups of a directory, as :mod:`tidegate.policy.folder` has its policies: a broken file takes no DAG away.

A good load leaves a snapshot; a broken file is replaced by the last good one of the group that its ``group:`` line
names, or that came from a file of this name. A service belongs to one group at most: where two claim it, the last good
state of either counts until one of them has let go.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tidegate.errors import PolicyError, PolicyErrors
from tidegate.policy.explain import from_problems
from tidegate.policy.folder import FolderResult, load_folder
from tidegate.policy.groups import LoadedGroup, load_group, parse_group
from tidegate.policy.load import Loaded
from tidegate.policy.problem import Problem
from tidegate.policy.schema import Policy
from tidegate.policy.snapshot import Snapshot, read_snapshot, write_snapshot

FOLDER = "groups"  # below the policies, and below their snapshots
_GROUP_LINE = re.compile(r"^group:[ ]*[\"']?([a-z][a-z0-9-]{0,54})[\"']?[ \r]*(?:#.*)?$", re.MULTILINE)


@dataclass(frozen=True)
class Groups:
    """``groups``: sorted by name; the ``stale`` ones are last good states. ``errors``: all that is wrong in them."""

    groups: tuple[LoadedGroup, ...]
    policies: Mapping[str, Loaded]
    errors: tuple[PolicyError, ...]


@dataclass(frozen=True)
class _Broken:
    path: Path
    claims: str
    errors: tuple[PolicyError, ...]


def load_groups(policies: Path, snapshots: Path, *, record: bool = True, found: FolderResult | None = None) -> Groups:
    """Every group beside the policies in ``policies``, or its last good state. Never raises for a file.

    ``record=False`` writes no snapshot. ``found``: the policies, where they have been read already.
    """
    read = found or load_folder(policies, snapshots, record=False)
    loaded = {one.policy.service: one for one in read.policies}
    members = {name: one.policy for name, one in loaded.items()}
    good, broken = _read(policies / FOLDER, members)
    good, twice = _alone(good)
    kept = _snapshots(snapshots / FOLDER)
    replaced, errors = _replaced([*broken, *twice], good, kept, members)
    if record:
        errors += _record(good, snapshots / FOLDER)
    usable = sorted([*good, *replaced], key=lambda one: one.group.group)
    told = [error for b in (*broken, *twice) for error in b.errors]
    return Groups(tuple(usable), loaded, tuple(told + errors))


def group_files(policies: Path) -> list[Path]:
    """Files of groups beside the policies, none where there is no such directory."""
    folder = policies / FOLDER
    listed = sorted(folder.iterdir()) if folder.is_dir() else []
    return [p for p in listed if p.suffix in (".yaml", ".yml") and not p.name.startswith(".")]


def _read(folder: Path, members: Mapping[str, Policy]) -> tuple[list[LoadedGroup], list[_Broken]]:
    good: list[LoadedGroup] = []
    broken: list[_Broken] = []
    for path in group_files(folder.parent):
        try:
            good.append(load_group(path, members))
        except PolicyErrors as error:
            broken.append(_Broken(path, _claimed(path), error.errors))
    return good, broken


def _claimed(path: Path) -> str:
    """The group that a broken file's first ``group:`` line names."""
    try:
        match = _GROUP_LINE.search(path.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return ""
    return match[1] if match else ""


def _alone(good: list[LoadedGroup]) -> tuple[list[LoadedGroup], list[_Broken]]:
    """Of two files for one group, or two groups that claim one service, neither is used as it stands."""
    broken = [_Broken(one.path, one.group.group, wrong) for one in good if (wrong := tuple(shared(one, good)))]
    bad = {b.path for b in broken}
    return [one for one in good if one.path not in bad], broken


def shared(one: LoadedGroup, others: Iterable[LoadedGroup]) -> Iterable[PolicyError]:
    """What this group has in common with another, and must not."""
    for other in others:
        if other.path == one.path:
            continue
        if other.group.group == one.group.group:
            message = f"the group {one.group.group!r} is defined in {other.path.name} as well"
            said = [Problem(message, ("group",), "keep one of the files, or name one of the groups otherwise")]
            yield from from_problems(said, one.tree, str(one.path))
            continue
        both = [name for name in one.group.services if name in other.group.services]
        hint = "a service moves with one group: leave it out of one of them"
        said = [
            Problem(f"{name} is in the group {other.group.group} as well", ("services", name), hint, key=True)
            for name in both
        ]
        yield from from_problems(said, one.tree, str(one.path))


def _snapshots(folder: Path) -> list[Snapshot]:
    kept: list[Snapshot] = []
    for path in sorted(folder.glob("*.json")) if folder.is_dir() else ():
        try:
            kept.append(read_snapshot(path))
        except (FileNotFoundError, PolicyError):
            continue  # gone since, or damaged: told where it would be needed
    return kept


def _replaced(
    broken: Iterable[_Broken], good: Iterable[LoadedGroup], kept: Iterable[Snapshot], members: Mapping[str, Policy]
) -> tuple[list[LoadedGroup], list[PolicyError]]:
    """The last good state of each broken file, and what is to be said where there is none."""
    names = {one.group.group for one in good}
    found: dict[str, LoadedGroup] = {}
    errors: list[PolicyError] = []
    snapshots = list(kept)
    for one in broken:
        mine = [s for s in snapshots if s.service not in names and (s.service == one.claims or s.file == one.path.name)]
        for snapshot in mine:
            try:
                old = parse_group(snapshot.source, one.path, members)
                found.setdefault(snapshot.service, dataclasses.replace(old, stale=True, error=PolicyErrors(one.errors)))
            except PolicyErrors as error:
                message = f"the last good state of the group {snapshot.service!r} cannot be used: {error.message}"
                errors.append(PolicyError(message, file=str(one.path), next_step=f"correct {one.path.name}"))
        if not mine and one.claims not in names:
            message = "no last good state is known for this file, so its group has no DAGs until it is corrected"
            errors.append(PolicyError(message, file=str(one.path)))
    return list(found.values()), errors


def _record(good: Iterable[LoadedGroup], folder: Path) -> list[PolicyError]:
    errors: list[PolicyError] = []
    for one in good:
        try:
            write_snapshot(folder, one.group.group, one.path.name, one.source)
        except OSError as error:
            message = f"its last good state cannot be kept in {folder}: {error.strerror or error}"
            errors.append(PolicyError(message, file=str(one.path), next_step="make the directory writable"))
    return errors
