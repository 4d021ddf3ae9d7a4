"""All policies of a directory, for the DAG factory: a broken file takes no DAG away, neither another's nor its own.

A good load leaves a snapshot. A broken file is replaced by the last good snapshot of every service that it may be:

* the service that its ``service:`` line names, if that line can be read, and
* the services whose snapshot came from a file of this name.

Both, since a file may have been renamed (the line is right) or garbled (the name is right). A service that some other
file defines well is never replaced. Only a file that is renamed *and* garbled at once cannot be matched; its error says
so. A file that is gone takes its service with it: so services are retired. A directory that is gone takes none.
"""

from __future__ import annotations

import dataclasses
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tidegate.errors import PolicyError, PolicyErrors
from tidegate.policy.driver_settings import SettingsOf, settings_of
from tidegate.policy.load import Loaded, load_policy, parse_policy
from tidegate.policy.snapshot import Snapshot, read_snapshot, write_snapshot
from tidegate.policy.source import LIMIT

_SERVICE_LINE = re.compile(r"^service:[ ]*[\"']?([a-z][a-z0-9-]{0,62})[\"']?[ \r]*(?:#.*)?$", re.MULTILINE)


@dataclass(frozen=True)
class FolderResult:
    """``policies``: one per service, sorted; the ``stale`` ones are last good states. ``errors``: all that is wrong."""

    policies: tuple[Loaded, ...]
    errors: tuple[PolicyError, ...]


@dataclass(frozen=True)
class _Broken:
    """A file that cannot be used as it stands. ``claims``: the service it seems to be."""

    path: Path
    claims: str | None
    errors: tuple[PolicyError, ...]


def load_folder(
    directory: Path, snapshots: Path, *, record: bool = True, lookup: SettingsOf = settings_of
) -> FolderResult:
    """Every ``*.yaml`` and ``*.yml`` in ``directory``, or its last good state. Never raises for a policy.

    ``record=False`` writes no snapshot: for workers and other readers, who may see an older version of the directory.
    """
    files, unlisted = _files(directory)
    good, broken = _read(files, lookup)
    good, twice = _unique(good)
    kept, damaged = _snapshots(snapshots)
    good, moved = _unmoved(good, kept)
    broken = [*broken, *twice, *moved]
    loaded = {policy.policy.service: policy for policy in good}
    replaced = _replacements(loaded, broken, kept) if not unlisted else [(s, unlisted) for s in kept]
    errors = [error for b in (*broken, *([unlisted] if unlisted else ())) for error in b.errors]
    errors += [error for service, error in damaged.items() if service not in loaded]
    errors += _unmatched(broken, loaded, kept)
    for snapshot, cause in replaced:
        try:
            loaded[snapshot.service] = _stale(snapshot, cause, directory, lookup)
        except PolicyErrors as error:
            errors.append(_unusable(snapshot, snapshots, error))
    if record:
        errors += _record(good, snapshots)
    return FolderResult(tuple(loaded[s] for s in sorted(loaded)), tuple(errors))


def _files(directory: Path) -> tuple[list[Path], _Broken | None]:
    try:
        listed = sorted(directory.iterdir())
    except OSError as error:
        message = f"the directory of policies cannot be read: {error.strerror or error}"
        hint = "the last good policies stay until it can"
        return [], _Broken(directory, None, (PolicyError(message, file=str(directory), next_step=hint),))
    return [p for p in listed if p.suffix in (".yaml", ".yml") and not p.name.startswith(".")], None


def _read(files: Iterable[Path], lookup: SettingsOf) -> tuple[list[Loaded], list[_Broken]]:
    good: list[Loaded] = []
    broken: list[_Broken] = []
    for path in files:
        try:
            good.append(load_policy(path, lookup))
        except PolicyErrors as error:
            broken.append(_Broken(path, _claimed(path), error.errors))
    return good, broken


def _claimed(path: Path) -> str | None:
    """The service that a broken file's first ``service:`` line names."""
    try:
        with path.open("rb") as stream:
            text = stream.read(LIMIT).decode("utf-8", "replace")
    except OSError:
        return None
    match = _SERVICE_LINE.search(text)
    return match[1] if match else None


def _unique(good: Iterable[Loaded]) -> tuple[list[Loaded], list[_Broken]]:
    """Of two files for one service neither is used: which of them is meant cannot be known."""
    by_service: dict[str, list[Loaded]] = defaultdict(list)
    for loaded in good:
        by_service[loaded.policy.service].append(loaded)
    twice = [_both(same) for same in by_service.values() if len(same) > 1]
    return [same[0] for same in by_service.values() if len(same) == 1], [b for both in twice for b in both]


def _both(same: list[Loaded]) -> list[_Broken]:
    names = " and ".join(p.path.name for p in same)
    message = f"the service {same[0].policy.service!r} is defined in {names}"
    return [_broken(p, message, "keep one of the files, or give the other service a name of its own") for p in same]


def _broken(loaded: Loaded, message: str, hint: str) -> _Broken:
    mark = loaded.tree.items["service"][1].mark
    error = PolicyError(message, file=str(loaded.path), line=mark.line, column=mark.column, next_step=hint)
    return _Broken(loaded.path, loaded.policy.service, (error,))


def _snapshots(directory: Path) -> tuple[list[Snapshot], dict[str, PolicyError]]:
    kept: list[Snapshot] = []
    damaged: dict[str, PolicyError] = {}
    for path in sorted(directory.glob("*.json")) if directory.is_dir() else ():
        try:
            kept.append(read_snapshot(path))
        except FileNotFoundError:
            continue  # removed since it was listed
        except PolicyError as error:
            damaged[path.stem] = error
    return kept, damaged


def _unmoved(good: list[Loaded], kept: Iterable[Snapshot]) -> tuple[list[Loaded], list[_Broken]]:
    """A known file whose service changed its name is an error: a typo there would take the service's DAGs away."""
    defined = {p.policy.service for p in good}
    before = {s.file: s.service for s in kept if s.service not in defined}
    moved: list[_Broken] = []
    for loaded in good:
        old = before.get(loaded.path.name)
        if old is not None:
            message = f"this file was the service {old!r} and now says {loaded.policy.service!r}"
            hint = f"correct it, or give the file a name that no service had; {old} is retired by removing its file"
            moved.append(_broken(loaded, message, hint))
    gone = {b.path for b in moved}
    return [p for p in good if p.path not in gone], moved


def _is_of(snapshot: Snapshot, broken: _Broken) -> bool:
    return broken.claims == snapshot.service or broken.path.name == snapshot.file


def _replacements(
    loaded: Mapping[str, Loaded], broken: Iterable[_Broken], kept: Iterable[Snapshot]
) -> list[tuple[Snapshot, _Broken]]:
    """What stands in for which broken file; the first of several is named."""
    found: dict[str, tuple[Snapshot, _Broken]] = {}
    for candidate in broken:
        for snapshot in kept:
            if snapshot.service not in loaded and _is_of(snapshot, candidate):
                found.setdefault(snapshot.service, (snapshot, candidate))
    return list(found.values())


def _stale(snapshot: Snapshot, cause: _Broken, directory: Path, lookup: SettingsOf) -> Loaded:
    path = directory / snapshot.file if cause.path == directory else cause.path
    loaded = parse_policy(snapshot.source, path, lookup)
    if loaded.policy.service != snapshot.service:
        message = f"its text is of the service {loaded.policy.service!r}"
        raise PolicyErrors([PolicyError(message, file=str(path))])
    return dataclasses.replace(loaded, stale=True, error=PolicyErrors(cause.errors), saved_at=snapshot.saved_at)


def _unusable(snapshot: Snapshot, directory: Path, error: PolicyErrors) -> PolicyError:
    return PolicyError(
        f"the last good policy of {snapshot.service!r} ({snapshot.saved_at}) cannot be used any more: {error.message}",
        file=str(directory / f"{snapshot.service}.json"),
        next_step=f"correct {snapshot.file}",
    )


def _unmatched(broken: Iterable[_Broken], loaded: Mapping[str, Loaded], kept: Iterable[Snapshot]) -> list[PolicyError]:
    """Say it where nothing stands in for a broken file, so that a missing DAG is no riddle."""
    snapshots = list(kept)
    lost = [b for b in broken if b.claims not in loaded and not any(_is_of(s, b) for s in snapshots)]
    message = "no last good policy is known for this file, so its service has no DAGs until it is corrected"
    return [PolicyError(message, file=str(b.path)) for b in lost]


def _record(good: Iterable[Loaded], snapshots: Path) -> list[PolicyError]:
    errors: list[PolicyError] = []
    for loaded in good:
        try:
            write_snapshot(snapshots, loaded.policy.service, loaded.path.name, loaded.source)
        except OSError as error:
            message = f"its last good state cannot be kept in {snapshots}: {error.strerror or error}"
            errors.append(PolicyError(message, file=str(loaded.path), next_step="make the directory writable"))
    return errors
