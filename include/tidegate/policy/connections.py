"""The connections that a policy names: never a value, only names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tidegate.drivers.credentials import SCHEME
from tidegate.policy.schema import Policy


def references(policy: Policy) -> list[str]:
    """Every ``conn://name`` of the policy's drivers and of what it compares, once."""
    compared = policy.consistency.model_dump(mode="json") if policy.consistency else None
    return sorted({*_strings(policy.drivers.model_dump(mode="json")), *_strings(compared)})


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for part in value.values():
            yield from _strings(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _strings(part)
    elif isinstance(value, str) and value.startswith(SCHEME):
        yield value
