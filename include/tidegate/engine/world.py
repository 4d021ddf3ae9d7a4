"""The one place where policy, journal and drivers meet."""

from __future__ import annotations

from dataclasses import dataclass, field

from tidegate.checks.contract import DataChecks
from tidegate.drivers.estate import Estate
from tidegate.journal.store import Journal
from tidegate.model.clock import Clock, SystemClock
from tidegate.policy.schema import Policy


@dataclass(frozen=True)
class World:
    """``policy_digest`` names the policy that new operations are planned from; a running one keeps its bound plan."""

    policy: Policy
    policy_digest: str
    estate: Estate
    journal: Journal
    checks: DataChecks
    clock: Clock = field(default_factory=SystemClock)

    @property
    def service(self) -> str:
        return self.policy.service
