"""Is a region lost? From what several vantage points see of it, by a rule that is the same every time. Pure.

A vantage point looks at each region several times a second: does its database answer, does it take writes (as its role
says), does its compute answer. So many failures in a row make one vantage point's vote; so many votes make a loss. What
one of them cannot see counts neither way: a point that is stale, one that could not look, and one that sees everything
fail, since its own line is likelier broken than the world. The line between the regions is nobody's to look through, so
a partition of it alone is no loss of either.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

DATABASE, WRITER, COMPUTE = "database", "writer", "compute"  # what is looked at, in each region
REGION = "region"  # lost as a whole
STALE_AFTER = 2.0  # seconds at least; and three intervals


@dataclass(frozen=True)
class Run:
    """One part as one point sees it. ``well``: None if it could not be told. ``times``: so often in a row the same.
    ``since``: epoch seconds of the first of them."""

    well: bool | None = None
    times: int = 0
    since: float = 0.0
    why: str = ""

    def and_then(self, well: bool | None, at: float, why: str = "", times: int = 1) -> Run:
        """With one more look. What could not be told ends a row of failures."""
        if well is self.well:
            return Run(well, self.times + times, self.since, why)
        return Run(well, times, at, why)

    def to_json(self) -> dict[str, Any]:
        return {"well": self.well, "times": self.times, "since": self.since, "why": self.why}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Run:
        well = value["well"]
        if well is not None and not isinstance(well, bool):
            raise ValueError(f"well is {well!r}")
        return cls(well, int(value["times"]), float(value["since"]), str(value.get("why", "")))


Regions = Mapping[str, Mapping[str, Run]]  # region -> part -> run


@dataclass(frozen=True)
class Sight:
    """What one point sees. ``at``: epoch seconds of the newest look."""

    point: str
    at: float
    regions: Regions = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        parts = {region: {part: run.to_json() for part, run in runs.items()} for region, runs in self.regions.items()}
        return {"version": 1, "at": self.at, "regions": parts}

    @classmethod
    def from_json(cls, point: str, value: Mapping[str, Any]) -> Sight | None:
        """None for what cannot be read: nobody is believed half."""
        try:
            regions = {
                str(region): {str(part): Run.from_json(run) for part, run in parts.items()}
                for region, parts in value["regions"].items()
            }
            return cls(point, float(value["at"]), regions)
        except (KeyError, TypeError, ValueError, AttributeError):
            return None


@dataclass(frozen=True)
class Rule:
    """``every``: seconds between two looks. ``probes``: failures in a row for a vote. ``points``: votes for a loss."""

    every: float
    probes: int
    points: int

    @property
    def stale_after(self) -> float:
        return max(STALE_AFTER, 3 * self.every)


@dataclass(frozen=True)
class Loss:
    """``what``: ``region``, ``database`` (it does not take writes, or does not answer) or ``compute``. ``primary``:
    whether writes went there. ``observed_at``: when the last of the votes that were needed began to fail."""

    region: str
    what: str
    primary: bool
    seen_by: tuple[str, ...]
    observed_at: float
    why: str


@dataclass(frozen=True)
class Ruling:
    """``loss``: None if no region is lost. ``why``: in words, also where it is not. ``points``: those that counted."""

    loss: Loss | None
    why: str
    points: tuple[str, ...] = ()


def rule_on(rule: Rule, primary: str, sights: Iterable[Sight], now: float) -> Ruling:
    """``primary``: the region that writes went to last, whose loss comes first."""
    counted, silent = _counted(rule, list(sights), now)
    regions = sorted({region for sight in counted for region in sight.regions}, key=lambda r: (r != primary, r))
    said, points = list(silent), tuple(sight.point for sight in counted)
    for region in regions:
        loss = _loss(rule, region, region == primary, counted)
        if loss is not None:
            return Ruling(loss, loss.why, points)
        said += _doubts(rule, region, region == primary, counted)
    if not counted:
        return Ruling(None, "nobody sees the regions: " + ("; ".join(said) or "no vantage point has looked"))
    return Ruling(None, "; ".join(said) or f"every region is well (seen by {', '.join(points)})", points)


def well_seen(rule: Rule, region: str, sights: Iterable[Sight], now: float) -> tuple[str, ...]:
    """The points that can be believed and see all of the region as well: its database takes writes, compute answers."""
    counted, _ = _counted(rule, list(sights), now)
    return tuple(s.point for s in counted if all(s.regions.get(region, {}).get(p, Run()).well for p in _parts(True)))


def _counted(rule: Rule, sights: list[Sight], now: float) -> tuple[list[Sight], list[str]]:
    """Those that can be believed, one of each name; and in words why the others are not."""
    newest = {sight.point: sight for sight in sorted(sights, key=lambda s: s.at)}
    counted, silent = [], []
    for name in sorted(newest):
        sight = newest[name]
        if not -rule.stale_after <= now - sight.at <= rule.stale_after:
            silent.append(f"{name} has not looked for {now - sight.at:.0f} s")
        elif not any(run.well for runs in sight.regions.values() for run in runs.values()):
            silent.append(f"{name} sees nothing at all, so its own line is in doubt")
        else:
            counted.append(sight)
    return counted, silent


def _loss(rule: Rule, region: str, primary: bool, sights: Sequence[Sight]) -> Loss | None:
    """What fails of it by enough votes; the whole region if it is all that there is."""
    votes = {part: _votes(rule, region, part, sights) for part in _parts(primary)}
    failing = [part for part, runs in votes.items() if len(runs) >= rule.points]
    if not failing:
        return None
    whole = DATABASE in failing and COMPUTE in failing
    what = REGION if whole else DATABASE if failing[0] != COMPUTE else COMPUTE
    runs = votes[failing[0]]
    began = sorted(run.since for run in runs.values())[rule.points - 1]
    points = tuple(sorted(runs))
    first = runs[points[0]]
    name = {REGION: region, DATABASE: f"the database in {region}", COMPUTE: f"compute in {region}"}[what]
    why = f"{name} is lost: seen by {', '.join(points)}, {rule.probes} times in a row or more ({first.why})"
    return Loss(region, what, primary, points, began, why)


def _parts(primary: bool) -> tuple[str, ...]:
    """Where writes go, a database that answers and takes none is as good as lost."""
    return (DATABASE, WRITER, COMPUTE) if primary else (DATABASE, COMPUTE)


def _votes(rule: Rule, region: str, part: str, sights: Sequence[Sight]) -> dict[str, Run]:
    runs = {sight.point: sight.regions.get(region, {}).get(part, Run()) for sight in sights}
    return {point: run for point, run in runs.items() if run.well is False and run.times >= rule.probes}


def _doubts(rule: Rule, region: str, primary: bool, sights: Sequence[Sight]) -> Iterator[str]:
    """Votes that are too few, in words."""
    for part in _parts(primary):
        seen = sorted(_votes(rule, region, part, sights))
        if seen:
            yield f"{part} in {region} fails for {', '.join(seen)} only, and {rule.points} points have to agree"
            return
