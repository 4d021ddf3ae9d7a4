"""Does one endpoint class fail in one region alone? From what users got of each region, by a rule that is the same
every time. Pure.

Only the one case that has a partial answer is ruled on: the class fails in one region, is well in another, and every
other class that was seen in that region is well. Anything wider is no matter of one route: a region that fails is
watched by its own points, a release that fails by its judge, a dependency by its breaker.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

WELL = 0.25  # of the part that counts as failing: below it a class is well, between the two nothing is said


@dataclass(frozen=True)
class Rule:
    """``errors``: part of a class's requests that fail in a region, from which it fails there. ``requests``: so many
    must have been seen. ``within``: seconds looked back."""

    errors: float
    requests: int
    within: float


@dataclass(frozen=True)
class Tally:
    """Of one class in one region."""

    requests: int = 0
    failed: int = 0

    @property
    def part(self) -> float:
        return self.failed / self.requests if self.requests else 0.0

    def __str__(self) -> str:
        return f"{self.failed} of {self.requests} failed"


Tallies = Mapping[tuple[str, str], Tally]  # (region, endpoint class)


@dataclass(frozen=True)
class Failing:
    """``endpoint`` fails in ``region``, and is well in ``elsewhere``."""

    endpoint: str
    region: str
    elsewhere: str
    why: str


@dataclass(frozen=True)
class Ruling:
    """``failing``: None where there is nothing that one route would answer; ``why`` says what was seen all the same,
    empty where all is well."""

    failing: Failing | None = None
    why: str = ""


def count(seen: Iterable[tuple[str, str, bool]]) -> dict[tuple[str, str], Tally]:
    """``seen``: region, class and whether it failed, a request each."""
    found: dict[tuple[str, str], Tally] = {}
    for region, endpoint, failed in seen:
        before = found.get((region, endpoint), Tally())
        found[region, endpoint] = Tally(before.requests + 1, before.failed + failed)
    return found


def rule_on(rule: Rule, tallies: Tallies) -> Ruling:
    """What counts as failing, if it is one class in one region. Classes of which too little was seen count neither
    way."""
    known = {key: one for key, one in tallies.items() if one.requests >= rule.requests}
    sick = sorted(key for key, one in known.items() if one.part >= rule.errors)
    well = {key for key, one in known.items() if one.part < rule.errors * WELL}
    if not sick:
        return Ruling()
    told = ", ".join(f"{name} in {region}: {known[region, name]}" for region, name in sick)
    if len(sick) > 1:
        return Ruling(None, f"{told}: more than one class, or in more than one region")
    ((region, name),) = sick
    others = {key for key in known if key[0] == region and key[1] != name}
    if not others or not others <= well:
        return Ruling(None, f"{told}: it is not known that the rest of {region} is well")
    elsewhere = sorted(key[0] for key in well if key[1] == name)
    if not elsewhere:
        return Ruling(None, f"{told}: it is not known that it is well in another region")
    best = max(elsewhere, key=lambda other: known[other, name].requests)
    why = f"{told} within {rule.within:g} s; in {best} {known[best, name]}"
    return Ruling(Failing(name, region, best, why), why)
