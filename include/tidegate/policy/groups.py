"""A group of services that move together: what an operator writes in ``policies/groups/*.yaml``, and what must hold."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, ValidationError

from tidegate.errors import PolicyError, PolicyErrors
from tidegate.model.canonical import digest
from tidegate.model.order import circle
from tidegate.policy.base import Identifier, Part, Text
from tidegate.policy.explain import from_problems, from_pydantic
from tidegate.policy.likely import likely
from tidegate.policy.problem import Problem
from tidegate.policy.schema import Policy
from tidegate.policy.source import check_source, read_source
from tidegate.policy.strings import string_problems
from tidegate.policy.tree import REPORTED, MapNode, parse_tree, plain

GroupName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,54}$")]


class GroupOwners(Part):
    """Who answers for the group. ``failover``: for moving it. ``rollback``: for taking several releases back."""

    failover: Text
    rollback: Text


class GroupService(Part):
    """``needs``: services of this group that have to be where this one goes before it arrives."""

    needs: Annotated[tuple[Identifier, ...], Field(max_length=16)] = ()


class Group(Part):
    """Services that move together.

    ``version``: of the format; 1 if left out. ``group``: its name. ``description``: for people. ``owners``: who answers
    for it. ``services``: those that move, with what each needs. ``when_one_fails``: hold the rest, or go on with what
    does not need the one that failed.
    """

    version: Annotated[int, Field(ge=1, le=1)] = 1
    group: GroupName
    description: Text
    owners: GroupOwners
    services: Annotated[dict[Identifier, GroupService], Field(min_length=1, max_length=16)]
    when_one_fails: Literal["hold", "go_on"] = "hold"

    @property
    def needs(self) -> dict[str, tuple[str, ...]]:
        """Member -> those that it needs, directly, in the order written."""
        return {name: part.needs for name, part in self.services.items()}


@dataclass(frozen=True)
class LoadedGroup:
    """A usable group. ``stale``: the file is broken now (``error`` says how) and this is its last good state."""

    group: Group
    digest: str
    source: str = field(repr=False)
    path: Path
    tree: MapNode = field(repr=False, compare=False)
    stale: bool = False
    error: PolicyError | None = None


def load_group(path: Path, policies: Mapping[str, Policy], known: Iterable[str] = ()) -> LoadedGroup:
    """Read and check one file. Raises :class:`PolicyErrors` with all that is wrong, line by line."""
    return parse_group(read_source(path), path, policies, known)


def parse_group(source: str, path: Path, policies: Mapping[str, Policy], known: Iterable[str] = ()) -> LoadedGroup:
    """The same for text that has been read. ``policies``: of the services there are; ``known``: services whose policy
    cannot be used now, of which nothing can be said."""
    file = str(path)
    tree = parse_tree(check_source(source, file), file)
    _raise(from_problems(string_problems(tree), tree, file))
    try:
        group = Group.model_validate_json(json.dumps(plain(tree)), strict=True, by_alias=True, by_name=False)
    except ValidationError as error:
        _raise(from_pydantic(error, Group, tree, file))
        raise
    _raise(from_problems(group_problems(group, policies, known), tree, file))
    return LoadedGroup(group, digest(group.model_dump(mode="json")), source, path, tree)


def _raise(errors: Iterable[PolicyError]) -> None:
    found = sorted(errors, key=lambda e: (e.line, e.column))[:REPORTED]
    if found:
        raise PolicyErrors(found)


def group_problems(group: Group, policies: Mapping[str, Policy], known: Iterable[str] = ()) -> Iterator[Problem]:
    """What must hold in a group, and between it and the policies. Pure."""
    names = sorted({*policies, *known})
    for name, part in group.services.items():
        if name not in names:
            hint = likely(name, names)
            yield Problem(f"no policy defines the service {name!r}", ("services", name), hint, key=True)
        for index, needed in enumerate(part.needs):
            if needed not in group.services:
                hint = likely(needed, group.services)
                message = f"{needed!r} is no service of this group"
                yield Problem(message, ("services", name, "needs", index), hint)
    if way := circle(group.needs):
        at = ("services", way[0], "needs", group.services[way[0]].needs.index(way[1]))
        message = f"services need each other in a circle: {' -> '.join(way)}"
        yield Problem(message, at, "none of them could move first: leave one of the needs out")
    yield from _movable(group, {n: policies[n] for n in group.services if n in policies})


def _movable(group: Group, members: Mapping[str, Policy]) -> Iterator[Problem]:
    """All of them move, and between the same two regions."""
    for name, policy in members.items():
        if policy.failover is None:
            hint = f"add failover to the policy of {name}, or leave it out of the group"
            yield Problem(f"the policy of {name} does not say how it moves", ("services", name), hint, key=True)
    first = next(iter(members), None)
    for name, policy in members.items():
        here, there = set(policy.regions), set(members[str(first)].regions)
        if here != there:
            message = f"{name} is in {', '.join(sorted(here))}, and {first} in {', '.join(sorted(there))}"
            yield Problem(message, ("services", name), "services that move together have the same regions", key=True)
        elif home(policy) != home(members[str(first)]):
            message = f"{name} has its primary in {home(policy)}, and {first} in {home(members[str(first)])}"
            yield Problem(message, ("services", name), "services that move together have one home", key=True)


def home(policy: Policy) -> str:
    """The region that takes writes in fair weather."""
    return next(name for name, region in policy.regions.items() if region.database == "primary")
