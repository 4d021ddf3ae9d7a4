"""The one place where policy, journal and drivers meet."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from tidegate.checks.contract import DataChecks
from tidegate.drivers.estate import Estate
from tidegate.journal.model import Event, EventKind
from tidegate.journal.store import Journal, Transaction
from tidegate.model.clock import Clock, SystemClock
from tidegate.model.operation import preview_chain
from tidegate.model.requirement import Requirement
from tidegate.policy.schema import Policy


def nobody() -> Mapping[str, Sequence[Requirement]]:
    """No other service requires anything."""
    return {}


@dataclass(frozen=True)
class World:
    """``policy_digest`` names the policy that new operations are planned from; a running one keeps its bound plan.
    ``previews``: operations are those on the service's preview, which have a chain, a lease and an epoch of their own.
    ``others``: service -> what its policy requires of other services' releases, read when it is asked for.
    """

    policy: Policy
    policy_digest: str
    estate: Estate
    journal: Journal
    checks: DataChecks
    clock: Clock = field(default_factory=SystemClock)
    previews: bool = False
    others: Callable[[], Mapping[str, Sequence[Requirement]]] = nobody

    @property
    def service(self) -> str:
        """The chain in the journal that operations stand in."""
        return preview_chain(self.policy.service) if self.previews else self.policy.service

    def facts(self, txn: Transaction, kinds: Collection[EventKind]) -> list[Event]:
        """What the journal holds of the service itself, whatever chain ``txn`` has locked."""
        return self.journal.events(self.policy.service, kinds=kinds) if self.previews else txn.events(kinds=kinds)
