"""What a failover does besides where its policy has ``failover.admission``: who has no room is turned away by the
router, and admitted by stages; features that can be done without come back last. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tidegate.model.traffic import TOTAL
from tidegate.plan.model import Gate, Node, Phase, Stage, Step
from tidegate.plan.moving import patience, section_of, strength
from tidegate.plan.names import ADMISSION, CUTOVER, CUTOVER_END, DEGRADE_NODE, FEATURES, percent
from tidegate.policy.admission import Admission
from tidegate.policy.schema import Policy


def cut_over(part: Admission) -> Iterator[Node]:
    """The end of the critical section: all traffic to the target, and no more of it admitted than it carries."""
    shift = {"region": "target", "retry_after": int(part.retry_after), "unknown": part.steps[0]}
    yield Step(CUTOVER_END, "admit_region", shift, section=CUTOVER)
    if part.degrade:
        yield Step(DEGRADE_NODE, "degrade_features", {"flags": list(part.degrade)}, section=CUTOVER)


def started(policy: Policy) -> Stage:
    """Nobody waits here for the last instance: each stage of the admission looks at those that there are."""
    args = {**strength(policy, "target"), "wait": False}
    return Stage("scale", "Make room in the target", Phase.FORWARD, (Step("scale.target", "scale_region", args),))


def stages(policy: Policy, part: Admission) -> Stage:
    """More of the sessions, as the target has room and those that it serves are well."""
    return Stage(ADMISSION, "Admit the rest by stages", Phase.FORWARD, tuple(_stages(policy, part)))


def features(policy: Policy, part: Admission) -> tuple[Stage, ...]:
    """What was switched off, back again: the least important last. No stage where the policy names no flag."""
    nodes = tuple(_features(policy, part))
    return (Stage(FEATURES, "Bring back what was switched off", Phase.FORWARD, nodes),) if nodes else ()


def _stages(policy: Policy, part: Admission) -> Iterator[Node]:
    within = section_of(policy).gate_within
    after = CUTOVER_END
    for size in part.steps:
        name = percent(size)
        step = f"{ADMISSION}.step-{name}"
        args = {"region": "target", "part": size}
        blind = patience(size != TOTAL)
        yield Gate(f"{ADMISSION}.room-{name}", "admission_room", within, {**args, "since": after, **blind})
        yield Step(step, "raise_admission", {**args, "retry_after": int(part.retry_after)})
        yield Gate(f"{ADMISSION}.health-{name}", "admission_health", within, {**_health(policy, step), **blind})
        after = step


def _features(policy: Policy, part: Admission) -> Iterator[Node]:
    for flag in reversed(part.degrade):
        step = f"{FEATURES}.back-{flag}"
        yield Step(step, "restore_feature", {"region": "target", "flag": flag, "taken_by": DEGRADE_NODE})
        within = section_of(policy).gate_within
        yield Gate(f"{FEATURES}.health-{flag}", "region_health", within, {**_health(policy, step), "flag": flag})


def _health(policy: Policy, since: str) -> dict[str, Any]:
    health = policy.rollback.health
    asked = {"requests": health.requests, "not_above": health.not_above, "confidence": health.confidence}
    return {"region": "target", "since": since, **asked}
