"""What a policy says of previews: a release beside those that serve, for those alone who send a header."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, StringConstraints

from tidegate.model.operation import preview_chain, service_of
from tidegate.policy.base import Identifier, Part
from tidegate.policy.likely import likely
from tidegate.policy.problem import Problem

if TYPE_CHECKING:
    from tidegate.policy.schema import Policy

_LONGEST = 63  # characters of a chain's name in the journal


class Preview(Part):
    """A release beside those that serve, shown to those alone who send a header with its version.

    ``header``: the header's name. ``region``: where it runs. ``instances``: how many of them.
    """

    header: Annotated[str, StringConstraints(pattern=r"^x-[a-z0-9-]{1,62}$")] = "x-preview"
    region: Identifier
    instances: Annotated[int, Field(ge=1, le=100)] = 1


def preview_of(policy: Policy) -> Iterator[Problem]:
    """What must hold between ``preview`` and the rest of a policy. Pure."""
    if service_of(policy.service) != policy.service:
        hint = "name the service otherwise"
        yield Problem(f"{policy.service!r} is what the journal calls a service's previews", ("service",), hint)
    part = policy.preview
    if part is None:
        return
    if part.region not in policy.regions:
        hint = likely(part.region, sorted(policy.regions))
        yield Problem(f"there is no region {part.region!r}", ("preview", "region"), hint)
    if len(preview_chain(policy.service)) > _LONGEST:
        yield Problem("the service's name is too long for previews", ("preview",), "leave preview out", key=True)
