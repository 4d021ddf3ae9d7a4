"""What a policy says of the watch over what users were promised: how fast it may be broken, and what follows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from tidegate.judge.burn import AVAILABILITY, LATENCY, BurnRule, budgets_of, rules_for
from tidegate.judge.region_odds import MOST, Assumed, false_failovers
from tidegate.judge.regions import Rule
from tidegate.policy.base import Part
from tidegate.policy.problem import Loc
from tidegate.policy.quantities import PartOfAll, Seconds, SecondsOrZero, duration_text, proportion_text

if TYPE_CHECKING:
    from tidegate.policy.schema import Policy

Said = tuple[str, str, str, "Loc", str]  # severity, rule, message, place, hint
SHORTEST = 3600.0  # seconds of a period: below that a bucket is shorter than a look


class Assume(Part):
    """What is assumed of the lines and probes by which a region counts as lost; `tidegate lint` computes from it how
    often a failover would begin by mistake.

    ``probe_fails``: part of one point's probes that fail by themselves. ``line_down``: how often a day one point's line
    to a region is down. ``line_down_for``: for how long. ``in_common``: part of either that all points meet at once.
    ``points``: vantage points that look; as many as `failover.decide` asks for, if left out.
    """

    probe_fails: PartOfAll = 0.01
    line_down: Annotated[float, Field(ge=0, le=1000)] = 1.0
    line_down_for: SecondsOrZero = 30.0
    in_common: PartOfAll = 0.001
    points: Annotated[int, Field(ge=1, le=9)] | None = None

    @property
    def assumed(self) -> Assumed:
        return Assumed(self.probe_fails, self.line_down, self.line_down_for, self.in_common, self.points or 0)


class Watch(Part):
    """How fast the error budget may burn, by four rules of two windows each, and what follows. The guard holds them
    always; no rule of these ever starts a failover.

    ``period``: time over which the budget is meant. With 30d the windows are 1h and 5m (`fast`, 14.4 times as fast as
    promised), 6h and 30m (`slow`, 6 times), 1d and 2h (3 times), 3d and 6h (once); with another period they are
    shorter or longer in proportion. ``objectives``: which of them are held. ``fast``: what follows the first rule:
    somebody is told at once (`page`), or a release that was certified within `promotion.bake.then_watch`, and before
    which nothing burned, is taken back (`back`); what no such release explains is a page. ``slow``: as `fast`, of the
    second rule. ``trend``: what the last two rules lead to: somebody is told when there is time (`ask`), or at once
    (`page`). ``assume``: of the lines and probes by which a region counts as lost.
    """

    period: Annotated[Seconds, Field(ge=SHORTEST)] = 30 * 86_400.0
    objectives: Annotated[tuple[Literal["availability", "latency_p99"], ...], Field(min_length=1, max_length=2)] = (
        "availability",
    )
    fast: Literal["page", "back"] = "page"
    slow: Literal["page", "back"] = "page"
    trend: Literal["ask", "page"] = "ask"
    assume: Assume = Assume()

    @property
    def rules(self) -> tuple[BurnRule, ...]:
        """The most urgent first."""
        return rules_for(self.period)

    def then(self, rule: BurnRule) -> str:
        """What follows a rule that burns."""
        return {"fast": self.fast, "slow": self.slow}.get(rule.name, self.trend)


def lint_watch(policy: Policy) -> Iterator[Said]:
    """What will not work, and what is unwise. Pure."""
    if policy.watch is not None:
        yield from _rates(policy, policy.watch)
        yield from _back(policy, policy.watch)
    yield from _odds(policy)


def _rates(policy: Policy, part: Watch) -> Iterator[Said]:
    """Rules that no traffic, however bad, can reach."""
    for objective, budget in budgets_of(part.objectives, policy.objectives.availability).items():
        for rule in part.rules:
            if rule.rate * budget >= 1 and rule.urgent:
                message = f"{rule.rate:g} times the budget of {proportion_text(budget)} is more than all requests: "
                hint = f"promise more than {'100%' if objective == LATENCY else proportion_text(1 - 1 / rule.rate)}"
                at: Loc = ("objectives", AVAILABILITY)
                yield "error", "watch-never", message + f"the rule {rule.name} never burns", at, hint


def _back(policy: Policy, part: Watch) -> Iterator[Said]:
    for name, then in (("fast", part.fast), ("slow", part.slow)):
        if then == "back" and policy.promotion.bake.then_watch is None:
            message = "no release is ever fresh enough to be taken back for it, so it is only a page"
            hint = "add then_watch: 15m to promotion.bake, or make it page"
            yield "warning", "watch-back-never", message, ("watch", name), hint


def _odds(policy: Policy) -> Iterator[Said]:
    """How often a region would count as lost that is well."""
    if policy.failover is None:
        return
    decide, assume = policy.failover.decide, (policy.watch or Watch()).assume
    rule = Rule(decide.every, decide.probes, decide.vantage_points)
    found, at = false_failovers(rule, assume.assumed), ("failover", "decide")
    stated = "" if policy.watch is not None else ", which is assumed where watch.assume says nothing"
    message = (
        f"{_few(found.a_year)} false {'failovers' if decide.then == 'act' else 'losses'} a year at most: "
        f"{_few(found.probes)} by single probes ({proportion_text(assume.probe_fails)} fail), {_few(found.lines)} by "
        f"lines down ({assume.line_down:g} times a day for {duration_text(assume.line_down_for)} each), "
        f"{_few(found.common)} by what all points meet at once ({proportion_text(assume.in_common)} of it){stated}"
    )
    if found.bearable:
        yield "info", "failover-odds", message, at, ""
        return
    hint = f"more than {MOST:g} a year: ask for more vantage_points, set them apart (in_common), or then: approve"
    yield "error" if decide.then == "act" else "warning", "failover-odds", message, at, hint


def _few(number: float) -> str:
    return f"{number:.2g}" if number < 10 else f"{number:,.0f}"
