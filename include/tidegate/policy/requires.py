"""What a policy says of other services' releases: ``requires: ["payments >= 1.1"]``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, StringConstraints

from tidegate.errors import PolicyError
from tidegate.model.operation import group_of
from tidegate.model.order import circle
from tidegate.model.requirement import REQUIREMENT, Requirement
from tidegate.policy.explain import from_problems
from tidegate.policy.likely import likely
from tidegate.policy.problem import Problem

if TYPE_CHECKING:
    from tidegate.policy.load import Loaded
    from tidegate.policy.schema import Policy

Requires = Annotated[tuple[Annotated[str, StringConstraints(pattern=REQUIREMENT)], ...], Field(max_length=32)]


def requirements(policy: Policy) -> tuple[Requirement, ...]:
    return tuple(Requirement.parse(text) for text in policy.requires)


def requires_of(policy: Policy) -> Iterator[Problem]:
    """What must hold between ``requires`` and the rest of a policy. Pure."""
    if group_of(policy.service):
        hint = "name the service otherwise"
        yield Problem(f"{policy.service!r} is what the journal calls a group", ("service",), hint)
    for index, wanted in enumerate(requirements(policy)):
        if wanted.service == policy.service:
            yield Problem("a service requires nothing of itself", ("requires", index), "remove the line")


def unknown_or_circular(policies: Iterable[Loaded], known: Iterable[str]) -> Iterator[PolicyError]:
    """What is wrong between policies. ``known``: services that are not among them, but of which a file speaks."""
    loaded = {one.policy.service: one for one in policies}
    names = sorted({*loaded, *known})
    for one in loaded.values():
        strangers = [
            Problem(f"no policy defines the service {r.service!r}", ("requires", i), likely(r.service, names))
            for i, r in enumerate(requirements(one.policy))
            if r.service not in names
        ]
        yield from from_problems(strangers, one.tree, str(one.path))
    if way := circle(_needs(loaded)):
        first = loaded[way[0]]
        at = [r.service for r in requirements(first.policy)].index(way[1])
        message = f"services require each other in a circle: {' -> '.join(way)}"
        hint = "neither could ever be promoted before the other: leave one of the requirements out"
        yield from from_problems([Problem(message, ("requires", at), hint)], first.tree, str(first.path))


def _needs(loaded: Mapping[str, Loaded]) -> dict[str, tuple[str, ...]]:
    return {name: tuple(r.service for r in requirements(one.policy)) for name, one in loaded.items()}
