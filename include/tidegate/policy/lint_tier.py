"""What ``lint`` says of the tier: what it gave, and whether the way back fits its own deadline. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tidegate.model.traffic import TOTAL
from tidegate.policy.problem import Loc
from tidegate.policy.quantities import duration_text
from tidegate.policy.schema import Policy
from tidegate.policy.tier import given

Said = tuple[str, str, str, Loc, str]  # severity, rule, message, place, hint


def lint_tier(policy: Policy, written: Mapping[str, Any]) -> Iterator[Said]:
    if policy.tier is not None:
        for key, value in given(written):
            message = f"tier {policy.tier} gives promotion.{key}: {_yaml(value)}"
            yield "info", "tier", message, ("tier",), "write it to change it"
        if policy.tier == 1 and not policy.promotion.approvals:
            message = "tier 1 asks people before the candidate takes half, and roles.approver names nobody"
            yield "warning", "tier-nobody", message, ("tier",), "name approvers, or write promotion.approvals"
    yield from _way_back(policy)


def _yaml(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False).replace('"', "")


def _way_back(policy: Policy) -> Iterator[Said]:
    """The least time of a way back: one rung, judged by as many users as it asks for in the region that sees fewest."""
    if policy.traffic is None:
        return
    rates = [policy.traffic.rate * share / TOTAL for share in policy.shares.values() if share]
    least = policy.rollback.health.requests / min(rates) if rates else 0.0
    if least > policy.rollback.deadline:
        message = f"one rung alone waits {duration_text(round(least))} for the users that judge it"
        yield "error", "rollback-short", message, ("rollback", "deadline"), "raise it, or ask for fewer requests"
