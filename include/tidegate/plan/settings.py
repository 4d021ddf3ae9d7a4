"""The policy's numbers that are bound into a plan."""

from __future__ import annotations

from typing import Any

from tidegate.policy.data import Repair
from tidegate.policy.schema import BusinessSignal, Check, Policy, ServiceSignal
from tidegate.policy.sight import exposure_alpha, traffic_alpha


def bound_settings(policy: Policy) -> dict[str, Any]:
    """JSON value for :attr:`tidegate.plan.model.Plan.settings`. Weights in basis points, times in seconds."""
    promotion, rollback, capacity = policy.promotion, policy.rollback, policy.capacity
    latency = promotion.signals.latency
    owners = {name: e.component for name, e in policy.endpoints.items() if e.component}
    components = {"components": owners} if owners and rollback.components else {}
    exposure = {"exposure": {"alpha": exposure_alpha(policy)}} if promotion.exposure else {}
    return {
        **exposure,
        **components,
        "shares": policy.shares,
        "region_order": list(policy.shares),  # canonical JSON sorts keys; routing order must survive it
        "waves": list(promotion.waves),
        "capacity": {"per_instance": capacity.per_instance, "instances": capacity.instances},
        "objectives": {
            "availability": policy.objectives.availability,
            "latency_p99": policy.objectives.latency_p99,
        },
        "judge": {
            "alpha": traffic_alpha(policy),
            "warm_up": promotion.warm_up,
            "stale_after": promotion.stale_after,
            "margin_errors": promotion.signals.errors.margin,
            "margin_latency": latency.margin if latency else None,
            "endpoints": list(policy.judged_classes),
            "service": _given(promotion.signals.service),
            "business": _given(promotion.signals.business),
        },
        "then_watch": promotion.bake.then_watch,
        "deadline": {"promotion": promotion.deadline, "rollback": rollback.deadline},
        "rollback": {"steps": list(rollback.steps), "fast_lane": rollback.fast_lane},
    }


def _given(part: ServiceSignal | BusinessSignal | None) -> dict[str, Any] | None:
    """Numbers as numbers: the policy's own text form is for people."""
    return part.model_dump() if part is not None else None


def proof_args(policy: Policy) -> dict[str, Any]:
    """What the proof of a release's migrations is told."""
    rules = policy.migrations
    return {
        "prove": rules.prove,
        "irreversible": rules.irreversible,
        "large_table": rules.large_table,
        "sample": rules.sample,
    }


def check_specs(policy: Policy) -> list[dict[str, Any]]:
    """The policy's data checks as JSON, in the order written."""
    return [_spec(name, check, policy.personal) for name, check in policy.checks.items()]


def repair_specs(policy: Policy) -> list[dict[str, Any]]:
    """The policy's repairs as JSON, in the order written, each with the check that it belongs to."""
    checks = {spec["id"]: spec for spec in check_specs(policy)}
    return [_repair(name, repair, checks[repair.when]) for name, repair in policy.repair.items()]


def _repair(name: str, repair: Repair, check: dict[str, Any]) -> dict[str, Any]:
    how = {"replay": check["follows"]} if repair.replay else {"sql": repair.sql}
    masked = {"personal": check["personal"]} if "personal" in check else {}
    return {"id": name, "when": check, **how, **masked}


def _spec(name: str, check: Check, personal: tuple[str, ...]) -> dict[str, Any]:
    given = check.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    masked = sorted({*personal, *check.personal})
    return {"id": name, **given, **({"personal": masked} if masked else {})}
