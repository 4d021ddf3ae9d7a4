"""What a policy says of one endpoint class that fails in one region alone."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tidegate.judge.classes import Rule
from tidegate.policy.base import Part
from tidegate.policy.quantities import PartOfAll, Seconds


class Detour(Part):
    """When one endpoint class counts as failing in one region alone, and what follows. It does so where it is well in
    the other region, and every other class is well in both.

    ``errors``: part of its requests there that fail, at least. ``requests``: so many of them must have been seen.
    ``within``: the time looked back. ``then``: what follows: somebody is told (`page`), or its route alone is moved,
    once an hour at most and only where the other region has room (`act`).
    """

    errors: PartOfAll = 0.2
    requests: Annotated[int, Field(ge=10, le=1_000_000)] = 20
    within: Seconds = 5.0
    then: Literal["page", "act"] = "page"

    @property
    def rule(self) -> Rule:
        return Rule(self.errors, self.requests, self.within)
