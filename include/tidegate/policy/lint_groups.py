"""What ``tidegate lint`` says of groups, and of what services require of each other. Pure, but for reading files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tidegate.errors import PolicyError, PolicyErrors
from tidegate.model.order import waves
from tidegate.policy.group_folder import FOLDER, group_files, shared
from tidegate.policy.groups import LoadedGroup, load_group
from tidegate.policy.load import Loaded
from tidegate.policy.requires import unknown_or_circular


@dataclass(frozen=True)
class GroupLint:
    """``words``: what each usable group does, for people."""

    words: tuple[str, ...]
    errors: tuple[PolicyError, ...]


def lint_groups(paths: Iterable[Path], loaded: Sequence[Loaded]) -> GroupLint:
    """Of every directory among ``paths``: only a whole folder can say which services there are. ``loaded``: the usable
    policies; a service whose own file is broken is told of there, and known here by its file's name."""
    folders = [path for path in paths if path.is_dir()]
    errors: list[PolicyError] = []
    groups: list[LoadedGroup] = []
    for folder in folders:
        mine = [one for one in loaded if one.path.parent == folder]
        known = {path.stem for path in folder.iterdir() if path.suffix in (".yaml", ".yml")}
        errors += unknown_or_circular(mine, known)
        policies = {one.policy.service: one.policy for one in mine}
        for path in group_files(folder):
            try:
                groups.append(load_group(path, policies, known - set(policies)))
            except PolicyErrors as error:
                errors += error.errors
    errors += [error for one in groups for error in shared(one, groups)]
    return GroupLint(tuple(line for one in groups for line in _told(one)), tuple(errors))


def _told(loaded: LoadedGroup) -> Iterator[str]:
    group = loaded.group
    fails = {"hold": "the rest is held", "go_on": "what does not need it goes on"}[group.when_one_fails]
    order = ", then ".join(" and ".join(wave) for wave in waves(group.needs))
    yield f"{group.group} ({FOLDER}/{loaded.path.name}): moves {order}; home in reverse; if one fails, {fails}"
