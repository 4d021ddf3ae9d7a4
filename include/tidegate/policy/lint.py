"""What is allowed but unwise in a policy, and what its gates buy. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from tidegate.model.traffic import TOTAL
from tidegate.policy.dependencies import lint_dependencies
from tidegate.policy.explain import locate
from tidegate.policy.foresight import GateForecast, bake_seconds, gate_forecasts
from tidegate.policy.lint_failover import lint_failover
from tidegate.policy.lint_ladder import lint_ladder
from tidegate.policy.lint_signals import lint_signals
from tidegate.policy.lint_tier import lint_tier
from tidegate.policy.load import Loaded
from tidegate.policy.notices import lint_notices, missing_packages
from tidegate.policy.problem import Loc
from tidegate.policy.quantities import duration_text, percent_text
from tidegate.policy.schema import Policy, Traffic
from tidegate.policy.sight import all_alphas, power, seconds_to_see, smallest_fault
from tidegate.policy.singletons import lint_singletons
from tidegate.policy.tree import plain
from tidegate.policy.watch import lint_watch

FAULT = 0.02  # the fault whose power is printed: 2 % of a class's requests


class Severity(StrEnum):
    """``ERROR``: it will not work. ``WARNING``: it may hurt. ``INFO``: worth knowing."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True)
class Finding:
    """``rule``: a stable id. ``line`` and ``column`` from 1."""

    severity: Severity
    rule: str
    message: str
    line: int
    column: int
    hint: str = ""


@dataclass(frozen=True)
class GateView:
    """What one gate buys. ``seconds``: until it can open. ``endpoint``: the judged class that is seen worst.
    ``smallest_fault``: part of that class's requests, seen with 80 % by the time the gate opens; None if none is, or
    where no stable arm is left. ``power``: chance that a fault of 2 % has been seen by then. ``find``: mean seconds to
    see it at this weight. ``holds``: a fault of this size (``not_worse_by``) keeps the gate shut even if unseen."""

    wave: int
    region: str
    weight: str
    seconds: float
    slowest: str
    endpoint: str
    smallest_fault: float | None
    power: float | None
    find: float | None
    holds: float | None = None


@dataclass(frozen=True)
class Report:
    """``alphas``: false-alarm rate by signal, and of judging flags. ``gates``: empty where no traffic is declared."""

    service: str
    file: str
    findings: tuple[Finding, ...]
    alphas: dict[str, float]
    gates: tuple[GateView, ...]

    @property
    def usable(self) -> bool:
        return not any(f.severity is Severity.ERROR for f in self.findings)


Found = tuple[Severity, str, str, Loc, str]


def lint(loaded: Loaded) -> Report:
    """Look at one policy. Reads nothing but what was loaded, and which packages are installed."""
    policy = loaded.policy
    forecasts = gate_forecasts(policy, policy.traffic) if policy.traffic else ()
    told = ((Severity.INFO, *said) for said in lint_signals(policy))
    found: list[Found] = [*_of_itself(policy, loaded.path.stem), *_steps(policy), *told]
    unwise = (
        *lint_ladder(policy),
        *lint_failover(policy),
        *lint_singletons(policy),
        *lint_dependencies(policy),
        *lint_notices(policy),
    )
    found += [(Severity.WARNING, *said) for said in unwise]
    found += [(Severity.ERROR, "notify-package", p.message, p.at, p.hint) for p in missing_packages(policy)]
    for level, rule, message, at, hint in (*lint_tier(policy, plain(loaded.tree)), *lint_watch(policy)):
        found.append((Severity(level), rule, message, at, hint))
    if policy.traffic is None:
        hint = "add traffic: {rate: …/s, sessions: …, session_length: …, errors: …%, mix: {…}}"
        found.append((Severity.WARNING, "no-traffic", "nothing can be foretold of the gates", (), hint))
    else:
        found += [
            *_gates(policy, forecasts),
            *_times(policy, policy.traffic, forecasts),
            *_load(policy, policy.traffic),
        ]
    findings = [_placed(loaded, entry) for entry in found]
    findings.sort(key=lambda f: (f.line, f.column, f.rule))
    views = tuple(_view(policy, policy.traffic, f) for f in forecasts) if policy.traffic else ()
    return Report(policy.service, str(loaded.path), tuple(findings), all_alphas(policy), views)


def _placed(loaded: Loaded, entry: Found) -> Finding:
    severity, rule, message, at, hint = entry
    mark = locate(loaded.tree, at, key=True) if at else loaded.tree.mark
    return Finding(severity, rule, message, mark.line, mark.column, hint)


def _of_itself(policy: Policy, stem: str) -> Iterator[Found]:
    promotion = policy.promotion
    if stem != policy.service:
        hint = f"name it {policy.service}.yaml, so that a broken one is known by its name"
        yield Severity.INFO, "file-name", f"the file is called {stem}", ("service",), hint
    if promotion.alpha > 0.05:
        message = f"{promotion.alpha:.0%} of good releases are rolled back by mistake"
        yield Severity.WARNING, "alpha-large", message, ("promotion", "alpha"), "1% is usual"
    if promotion.signals.latency is None:
        message = "a slower release is seen only once it breaks the latency objective"
        yield Severity.WARNING, "no-latency", message, ("promotion", "signals"), "add latency: {margin: 1.5x}"
    for index, approval in enumerate(promotion.approvals):
        at: Loc = ("promotion", "approvals", index)
        if approval.quorum == len(approval.people):
            message = "if one of them asks for the promotion, the quorum cannot be met: a requester never approves"
            yield Severity.WARNING, "approval-lonely", message, (*at, "quorum"), "name one person more"
        if approval.within > promotion.deadline:
            yield Severity.WARNING, "approval-late", "may come after the deadline", (*at, "within"), ""
    rollback = policy.rollback
    if rollback.drain_within + rollback.capacity_within > rollback.deadline:
        message = "drain_within and capacity_within together are longer"
        yield Severity.WARNING, "rollback-deadline", message, ("rollback", "deadline"), "raise it"


def _steps(policy: Policy) -> Iterator[Found]:
    promotion = policy.promotion
    if promotion.steps[0] > TOTAL // 4:
        message = f"the first step shows an untried release to {percent_text(promotion.steps[0])} of a region's users"
        yield Severity.WARNING, "first-step", message, ("promotion", "steps", 0), "start with 5% or less"
    for region, share in policy.shares.items():
        at: Loc = ("regions", region, "share")
        if share == 0:
            message = "takes no traffic, so its gates see nothing"
            yield (
                Severity.ERROR,
                "region-blind",
                message,
                at,
                "give it a share: a standby that serves is one that works",
            )
        elif share * promotion.steps[0] // TOTAL == 0:
            message = f"{percent_text(promotion.steps[0])} of {percent_text(share)} is less than the router can weigh"
            yield Severity.ERROR, "weight-vanishes", message, at, "raise the share or the first step"


def _gates(policy: Policy, forecasts: tuple[GateForecast, ...]) -> Iterator[Found]:
    within = policy.promotion.gate_within
    for forecast in forecasts:
        name = percent_text(forecast.weight)
        at: Loc = ("promotion", "evidence", name)
        where = f"the gate at {name} in {forecast.region}"
        if forecast.seconds > within:
            message = (
                f"{where} needs {spoken(forecast.seconds)} for {forecast.slowest} and gives up after {spoken(within)}"
            )
            yield Severity.ERROR, "gate-starved", message, at, "ask for less, raise the step, or raise gate_within"
        elif forecast.seconds > within / 2:
            message = f"{where} needs {spoken(forecast.seconds)} of its {spoken(within)} for {forecast.slowest}"
            yield Severity.WARNING, "gate-slow", message, at, "raise gate_within: traffic has quiet hours"


def _times(policy: Policy, traffic: Traffic, forecasts: tuple[GateForecast, ...]) -> Iterator[Found]:
    promotion = policy.promotion
    bake = bake_seconds(policy, traffic)
    if bake > promotion.gate_within + promotion.bake.lasts:
        message = f"{promotion.bake.requests} requests take {spoken(bake)}"
        yield Severity.ERROR, "bake-starved", message, ("promotion", "bake", "requests"), "ask for fewer"
    least = sum(f.seconds for f in forecasts) + bake
    asked = sum(a.within * (len(promotion.waves) if a.each_region else 1) for a in promotion.approvals)
    at: Loc = ("promotion", "deadline")
    if least > promotion.deadline:
        message = f"gates and bake alone take {spoken(least)}"
        yield Severity.ERROR, "deadline-short", message, at, "raise it"
    elif least + asked > promotion.deadline:
        message = f"gates and bake take {spoken(least)}, approvals up to {spoken(asked)}"
        yield Severity.WARNING, "deadline-short", message, at, "raise it, or ask for quicker answers"


def _load(policy: Policy, traffic: Traffic) -> Iterator[Found]:
    capacity = policy.capacity
    full = capacity.instances * capacity.per_instance
    warm = -(-capacity.instances * capacity.keep_warm // TOTAL)
    for region, share in policy.shares.items():
        demand = traffic.rate * share / TOTAL
        first_back = demand * (TOTAL - policy.rollback.steps[0]) / TOTAL
        if demand > full:
            message = f"{region} receives {demand:g}/s and a slot carries {full:g}/s"
            yield Severity.ERROR, "slot-overloaded", message, ("capacity", "instances"), "raise instances"
        elif first_back > warm * capacity.per_instance:
            carries = f"{warm} warm instances in {region} carry {warm * capacity.per_instance:g}/s"
            message = f"{carries}; the first step back brings {first_back:g}/s and would wait for capacity"
            hint = "raise keep_warm, or take smaller steps back"
            yield Severity.WARNING, "warm-low", message, ("capacity", "keep_warm"), hint
    most = max(_after_loss(policy, traffic), default=0.0)
    if most > full:
        message = f"with a region lost another receives up to {most:g}/s; a slot carries {full:g}/s"
        yield (
            Severity.INFO,
            "no-spare",
            message,
            ("capacity", "instances"),
            "the rest would be shed until more is started",
        )


def _after_loss(policy: Policy, traffic: Traffic) -> Iterator[float]:
    """Requests per second of each region when another is lost and the rest take its traffic in proportion."""
    for lost, gone in policy.shares.items():
        for region, share in policy.shares.items():
            if region != lost and gone < TOTAL:
                yield traffic.rate * share / (TOTAL - gone)


def _view(policy: Policy, traffic: Traffic, forecast: GateForecast) -> GateView:
    stays, here = forecast.history, forecast.history[-1]
    fixed = (forecast.wave, forecast.region, percent_text(forecast.weight), forecast.seconds, forecast.slowest)
    holds = policy.promotion.evidence[forecast.weight].not_worse_by
    if here.weight == 1 or here.share == 0:
        return GateView(*fixed, "", None, None, None, holds)
    asked = policy.promotion.evidence[forecast.weight].endpoints or policy.judged_endpoints
    worst = min(asked, key=lambda name: traffic.mix.get(name, 0))
    find = seconds_to_see(policy, traffic, worst, FAULT, here)
    smallest = smallest_fault(policy, traffic, worst, stays)
    return GateView(*fixed, worst, smallest, power(policy, traffic, worst, FAULT, stays), find, holds)


def spoken(seconds: float) -> str:
    """For people: ``12 s``, ``5m``, ``for ever``."""
    if math.isinf(seconds):
        return "for ever"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return duration_text(round(seconds)) if seconds % 60 == 0 else f"{seconds / 60:.1f} min"
