"""The way back: one pure function, used by a promotion's last stage and by a rollback.

The order follows the least invasive reversion first: traffic, then the release. Data is checked after each. Every node
that may be needed is in the shape; one that turns out not to be says so and passes.
"""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.plan.model import Gate, Node, Phase, Stage, Step
from tidegate.plan.names import percent
from tidegate.policy.schema import Policy


def return_path(policy: Policy, checks: list[dict[str, object]], *, phase: Phase, stop_loss: bool) -> Stage:
    """Stage ``return``.

    ``stop_loss``: begin with the step that the guard performs by itself, at once, as far as the stable arms can carry.
    """
    nodes: list[Node] = []
    if stop_loss:
        nodes.append(Step("return.stop-loss", "return_traffic", {"at_most": 0, "as_far_as_safe": True}))
    nodes.extend(_restore(policy))
    nodes.extend(_traffic(policy))
    nodes.append(Gate("return.data-after-traffic", "data", policy.rollback.capacity_within, {"checks": checks}))
    nodes.extend(_withdraw(policy))
    nodes.append(Gate("return.data-after-release", "data", policy.rollback.capacity_within, {"checks": checks}))
    return Stage("return", "The way back", phase, tuple(nodes))


def _reversed_waves(policy: Policy) -> Iterator[tuple[int, str]]:
    numbered = list(enumerate(policy.promotion.waves, start=1))
    yield from reversed(numbered)


def _restore(policy: Policy) -> Iterator[Node]:
    """Bring the stable slots to full strength. Started, not waited for: the capacity gates wait for what they need."""
    for number, region in _reversed_waves(policy):
        args = {"region": region, "role": "stable", "instances": policy.capacity.instances, "wait": False}
        yield Step(f"return.restore-{number}", "deploy_release", args)


def _traffic(policy: Policy) -> Iterator[Node]:
    for weight in policy.rollback.steps:
        name = percent(weight)
        yield Gate(f"return.capacity-{name}", "capacity", policy.rollback.capacity_within, {"at_most": weight})
        yield Step(f"return.shift-{name}", "return_traffic", {"at_most": weight})
    yield Gate("return.drained", "drained", policy.rollback.drain_within)


def _withdraw(policy: Policy) -> Iterator[Node]:
    for number, region in _reversed_waves(policy):
        yield Step(f"return.withdraw-{number}", "withdraw_release", {"region": region, "role": "candidate"})
