"""The way back: one pure function, used by a promotion's last stage and by a rollback.

A ladder, the least invasive reversion first. After each rung a gate judges health and data; the first rung that
restores both is the last one taken. Every node that may be needed is in the shape; one that turns out not to be says so
and passes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tidegate.model.ladder import Rung
from tidegate.plan.model import Gate, Node, Phase, Stage, Step
from tidegate.plan.names import percent
from tidegate.plan.settings import repair_specs
from tidegate.policy.schema import Policy

WAY_BACK = "way_back"
"""Argument of a step that is about one region. A region that does not answer is left as a debt; with the value
``touched``, one that the operation has never touched is left alone (:mod:`tidegate.engine.ladder`)."""


def return_path(policy: Policy, checks: list[dict[str, object]], *, phase: Phase, stop_loss: bool) -> Stage:
    """Stage ``return``.

    ``stop_loss``: begin with the step that the guard performs by itself, at once, as far as the stable arms can carry;
    and end with the record of which release is the baseline again. A rollback has neither.
    """
    rungs = allowed_rungs(policy)
    nodes: list[Node] = []
    if stop_loss:
        nodes.append(Step("return.stop-loss", "stop_loss", {"at_most": 0, "as_far_as_safe": True}))
    for rung in rungs:
        nodes.extend(_STEPS[rung](policy))
        if rung is not Rung.FLAGS or stop_loss:  # who asks for a baseline is not content with a flag
            nodes.append(_gate(policy, rung, checks, last=rung is rungs[-1]))
    if stop_loss:
        nodes.append(Step("return.conclude", "conclude_return", effect=False))
    return Stage("return", "The way back", phase, tuple(nodes))


def allowed_rungs(policy: Policy) -> tuple[Rung, ...]:
    """The rungs that this policy's ladder has, in order: what it names, as far as its drivers and repairs allow."""
    possible = {Rung.TRAFFIC, Rung.RELEASE, Rung.EVERYWHERE}
    if policy.drivers.flags is not None:
        possible.add(Rung.FLAGS)
    if policy.drivers.migrations is not None or repair_specs(policy):
        possible.add(Rung.SCHEMA)
    wanted = policy.rollback.ladder or tuple(Rung)
    return tuple(rung for rung in Rung if rung in possible and rung in wanted)


def _gate(policy: Policy, rung: Rung, checks: list[dict[str, object]], *, last: bool) -> Gate:
    health = policy.rollback.health
    asked = {"requests": health.requests, "not_above": health.not_above, "confidence": health.confidence}
    args: dict[str, Any] = {"rung": rung.value, "last": last, "health": asked, "checks": checks}
    return Gate(f"return.rung-{rung.value}", "rung", health.within, args)


def _flags(policy: Policy) -> Iterator[Node]:
    yield Step("return.flags", "withdraw_flags")


def _reversed_waves(policy: Policy) -> Iterator[tuple[int, str]]:
    numbered = list(enumerate(policy.promotion.waves, start=1))
    yield from reversed(numbered)


def _traffic(policy: Policy) -> Iterator[Node]:
    """The stable slots come up to full strength. That is started, not waited for: the capacity gates wait for what they
    need before each step back."""
    for number, region in _reversed_waves(policy):
        args = {"region": region, "role": "stable", "instances": policy.capacity.instances, "wait": False}
        yield Step(f"return.restore-{number}", "deploy_release", {**args, WAY_BACK: "touched"})
    for weight in policy.rollback.steps:
        name = percent(weight)
        yield Gate(f"return.capacity-{name}", "capacity", policy.rollback.capacity_within, {"at_most": weight})
        yield Step(f"return.shift-{name}", "return_traffic", {"at_most": weight})
    yield Gate("return.drained", "drained", policy.rollback.drain_within)


def _release(policy: Policy) -> Iterator[Node]:
    for number, region in _reversed_waves(policy):
        args = {"region": region, "role": "candidate", WAY_BACK: "touched"}
        yield Step(f"return.withdraw-{number}", "withdraw_release", args)


def _schema(policy: Policy) -> Iterator[Node]:
    if policy.drivers.migrations is not None:
        yield Step("return.schema", "revert_schema", {"lock_timeout": policy.migrations.lock_timeout})
    if repairs := repair_specs(policy):
        yield Step("return.preview", "preview_repair", {"repairs": repairs}, effect=False)
        yield Step("return.repair", "repair", {"repairs": repairs})


def _everywhere(policy: Policy) -> Iterator[Node]:
    for number, region in _reversed_waves(policy):
        args = {"region": region, "instances": policy.capacity.instances, WAY_BACK: "every"}
        yield Step(f"return.everywhere-{number}", "redeploy_release", args)


_STEPS = {
    Rung.FLAGS: _flags,
    Rung.TRAFFIC: _traffic,
    Rung.RELEASE: _release,
    Rung.SCHEMA: _schema,
    Rung.EVERYWHERE: _everywhere,
}
