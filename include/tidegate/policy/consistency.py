"""What a policy says of what users reach beside the router: names, and what caches hand out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, StringConstraints

from tidegate.policy.base import Identifier, Part
from tidegate.policy.likely import likely
from tidegate.policy.problem import Problem

if TYPE_CHECKING:
    from tidegate.policy.schema import Policy

HostName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$")]
Address = Annotated[str, StringConstraints(pattern=r"^[0-9A-Fa-f.:]{2,45}$")]
Reference = Annotated[str, StringConstraints(pattern=r"^conn://[A-Za-z0-9_.-]{1,200}$")]
Path = Annotated[str, StringConstraints(pattern=r"^/[A-Za-z0-9/_.~-]{0,200}$")]
Header = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,64}$")]


class Dns(Part):
    """Every server must answer for every name with the addresses of the regions that take traffic, and no others.

    ``names``: that users ask for. ``servers``: name servers, each asked itself, by connections (`dns://host:port`).
    ``addresses``: region -> those under which it is reached; one that stands before all regions is named for each.
    """

    names: Annotated[tuple[HostName, ...], Field(min_length=1, max_length=50)]
    servers: Annotated[tuple[Reference, ...], Field(min_length=1, max_length=20)]
    addresses: Annotated[dict[Identifier, tuple[Address, ...]], Field(min_length=1, max_length=16)]


class Assets(Part):
    """What caches hand out must be of a release that takes traffic.

    ``paths``: of what is cached. ``caches``: each asked itself, by connections (`http://host:port`). ``header``: of an
    answer, in which the digest of the release stands.
    """

    paths: Annotated[tuple[Path, ...], Field(min_length=1, max_length=50)]
    caches: Annotated[tuple[Reference, ...], Field(min_length=1, max_length=20)]
    header: Header = "x-release-digest"


class Consistency(Part):
    """What is compared in readiness, beside the router, the digests and the flags.

    ``dns``: where names lead. ``assets``: what caches hand out.
    """

    dns: Dns | None = None
    assets: Assets | None = None


def consistency_of(policy: Policy) -> Iterator[Problem]:
    """What must hold between ``consistency`` and the rest: every region has addresses."""
    part = policy.consistency.dns if policy.consistency else None
    if part is None:
        return
    at = ("consistency", "dns", "addresses")
    for region in part.addresses:
        if region not in policy.regions:
            hint = likely(region, policy.regions)
            yield Problem(f"there is no region {region!r}", (*at, region), hint, key=True)
    for region in policy.regions:
        if region not in part.addresses:
            yield Problem(f"{region} has no address", at, f"add {region}: […]", key=True)
