"""What a policy says of where data may lie."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from tidegate.policy.base import Identifier, Name, Part
from tidegate.policy.likely import likely
from tidegate.policy.problem import Problem

if TYPE_CHECKING:
    from tidegate.policy.schema import Policy

NOWHERE = "none"  # for what there is none of


class Kept(Part):
    """The area in which each of these is kept, or `none` where there is none of it.

    ``journal``: Tidegate's own. ``snapshots``: what data are compared with. ``backups``: of the database. ``logs``: of
    the edge, the instances and the DAGs. ``artifacts``: releases.
    """

    journal: Name
    snapshots: Name
    backups: Name
    logs: Name
    artifacts: Name


class Residency(Part):
    """Where data may lie. Nothing is promoted and nothing moves while one of them is outside.

    ``within``: the areas that are allowed, by names of your own, like eu. ``regions``: region -> the area in which it
    is, and its database with it. ``kept``: what -> the area in which it is kept.
    """

    within: Annotated[tuple[Name, ...], Field(min_length=1, max_length=20)]
    regions: Annotated[dict[Identifier, Name], Field(min_length=1, max_length=16)]
    kept: Kept

    def outside(self) -> dict[tuple[str, str], str]:
        """``(regions, west)`` or ``(kept, logs)`` -> its area, for each that is not within."""
        places = {("regions", region): area for region, area in self.regions.items()}
        kept = {("kept", what): area for what, area in self.kept.model_dump().items() if area != NOWHERE}
        return {what: area for what, area in {**places, **kept}.items() if area not in self.within}


def residency_of(policy: Policy) -> Iterator[Problem]:
    """What must hold between ``residency`` and the rest. Every region has to be named: what is not said is not held."""
    part = policy.residency
    if part is None:
        return
    allowed = ", ".join(part.within)
    for (group, name), area in part.outside().items():
        what = f"region {name}" if group == "regions" else name
        hint = likely(area, part.within) or f"move it, or allow {area}"
        yield Problem(f"{what} is in {area}, outside {allowed}", ("residency", group, name), hint)
    for region in part.regions:
        if region not in policy.regions:
            yield Problem(
                f"there is no region {region!r}", ("residency", "regions", region), likely(region, policy.regions), True
            )
    for region in policy.regions:
        if region not in part.regions:
            yield Problem(f"where {region} is, is not said", ("residency", "regions"), f"add {region}: …", True)
