"""What ``tier`` gives a policy that does not say it itself: α, steps, evidence, approvals and bake. Pure.

Works on what was written, before it is checked, so that what the tier gave is checked and bound like anything else. A
key that is written wins, whole; ``evidence`` and ``bake`` are filled up key by key.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from tidegate.model.traffic import TOTAL
from tidegate.policy.quantities import parse_percent

KEYS = ("alpha", "steps", "evidence", "bake")  # of ``promotion``, which a policy without a tier has to write
_ASKED_AT = 5000  # basis points: a tier asks people before its first step from here on

# 1: users or money are lost at once. 2: an outage is felt, and repaired. 3: nobody is woken for it.
_PROMOTION: Mapping[int, Mapping[str, Any]] = {
    1: {
        "alpha": "1%",
        "steps": ["1%", "5%", "25%", "50%", "100%"],
        "later_steps": ["25%", "100%"],
        "bake": {"lasts": "10m", "requests": 5000},
    },
    2: {
        "alpha": "2%",
        "steps": ["5%", "25%", "50%", "100%"],
        "later_steps": ["25%", "100%"],
        "bake": {"lasts": "5m", "requests": 2000},
    },
    3: {"alpha": "5%", "steps": ["25%", "100%"], "later_steps": ["100%"], "bake": {"lasts": "1m", "requests": 500}},
}
_WITHIN = "30m"


def filled(written: Mapping[str, Any]) -> dict[str, Any]:
    """The policy as written, with what its tier gives. Anything odd is left for whoever checks it."""
    policy = copy.deepcopy(dict(written))
    given, promotion = _PROMOTION.get(policy.get("tier", 0)), policy.get("promotion")
    if given is None or not isinstance(promotion, dict):
        return policy
    if "steps" in promotion:
        promotion.setdefault("later_steps", promotion["steps"])
    for key in ("alpha", "steps", "later_steps"):
        promotion.setdefault(key, copy.deepcopy(given[key]))
    if isinstance(promotion.setdefault("bake", {}), dict):
        promotion["bake"] = {**given["bake"], **promotion["bake"]}
    if isinstance(promotion.setdefault("evidence", {}), dict):
        promotion["evidence"] = {**promotion["evidence"], **dict(_evidence(promotion))}
    people = _approvers(policy)
    if policy["tier"] == 1 and "approvals" not in promotion and people:
        promotion["approvals"] = list(_approval(promotion, people))
    return policy


def _evidence(promotion: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """For each step that none is written for: exposure first, proof at the half, full weight last."""
    has = {_weight(key) for key in promotion["evidence"]}
    for step in _texts(promotion["steps"], promotion["later_steps"]):
        weight = _weight(step)
        if weight is None or weight in has:
            continue
        has.add(weight)
        yield step, _asked(weight)


def _asked(weight: int) -> dict[str, Any]:
    if weight == TOTAL:
        return {"requests": 100}
    if weight >= 5000:
        return {"requests": 2000, "not_worse_by": "1%", "confidence": "95%"}
    return {"requests": 100 if weight > 500 else 20}


def _approval(promotion: Mapping[str, Any], people: list[str]) -> Iterator[dict[str, Any]]:
    before = [step for step in _texts(promotion["steps"]) if (_weight(step) or 0) >= _ASKED_AT]
    if before:
        yield {"before": before[0], "from": people, "quorum": 1, "within": _WITHIN}


def _approvers(policy: Mapping[str, Any]) -> list[str]:
    """By name, as the roles have them; nobody if everybody is one."""
    roles = policy.get("roles")
    people = roles.get("approver", []) if isinstance(roles, dict) else []
    return [person for person in people if isinstance(person, str)] if isinstance(people, list) else []


def _texts(*lists: Any) -> list[str]:
    return [item for one in lists if isinstance(one, list) for item in one if isinstance(item, str)]


def _weight(step: str) -> int | None:
    try:
        return parse_percent(step)
    except ValueError:
        return None


def given(written: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """What the tier gave: keys of ``promotion`` that were not written, or not whole, with their value."""
    before, after = written.get("promotion"), filled(written).get("promotion")
    if not isinstance(before, dict) or not isinstance(after, dict):
        return []
    return [(key, value) for key, value in after.items() if before.get(key) != value]
