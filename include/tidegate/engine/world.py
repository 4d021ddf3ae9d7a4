"""The one place where policy, journal and drivers meet."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tidegate.checks.model import CheckReport
from tidegate.drivers.estate import Estate
from tidegate.journal.store import Journal
from tidegate.model.clock import Clock, SystemClock
from tidegate.policy.schema import Policy

CheckData = Callable[[Sequence[Mapping[str, Any]], Mapping[str, Any] | None], CheckReport]
"""Runs data checks, given as JSON specs, against the primary; the snapshot is what was noted before."""


@dataclass(frozen=True)
class World:
    """``policy_digest`` names the policy that new operations are planned from; a running one keeps its bound plan."""

    policy: Policy
    policy_digest: str
    estate: Estate
    journal: Journal
    check_data: CheckData
    clock: Clock = field(default_factory=SystemClock)

    @property
    def service(self) -> str:
        return self.policy.service
