"""What a step is: a desired state, asked about before and read back after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from tidegate.checks.contract import DataChecks
from tidegate.drivers.estate import Estate
from tidegate.drivers.token import Token
from tidegate.drivers.vault import Secret
from tidegate.errors import NotSettled, Refused
from tidegate.journal.model import EventKind
from tidegate.model.binding import Binding, release_from_json
from tidegate.model.clock import Clock
from tidegate.model.flags import FlagFact
from tidegate.model.lost_write import LedgerState
from tidegate.model.placement import Placement, moved
from tidegate.model.release import Release, SecretVersion
from tidegate.model.traffic import Split, canary_split
from tidegate.model.written import Written

POLL = 0.1  # seconds between two looks at a system that is converging


class Standing(StrEnum):
    """How the world stands before a step."""

    DONE = "done"
    NOT_DONE = "not_done"
    FOREIGN_CHANGE = "foreign_change"  # neither what we left nor what we want


@dataclass(frozen=True)
class Look:
    """Answer of ``check``. ``detail``: what was seen, for the log and the journal. ``aim``: what the step decided to
    bring about, where that depends on what was seen (JSON); apply and verify hold to it."""

    standing: Standing
    detail: str
    aim: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """Answer of ``verify``: what is now known (``facts``, JSON), and records that belong into the journal with it."""

    detail: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    records: tuple[tuple[EventKind, Mapping[str, Any]], ...] = ()


@dataclass(frozen=True)
class Known:
    """What the journal says of the service as the step begins.

    ``baselines``: certified releases, newest last. ``vetoed``: digests. ``left_split``: the routing that this
    operation's last verified shift left, or the one it was bound to. ``facts``: results of verified steps, by
    node id. ``demand``: requests per second by region as a live guard counts them; ``burn``: of the error
    budget when the loss was stopped. ``fence``: the router has to be at this epoch at least, so that a shift
    which was on its way when the operation turned back is refused there. ``turned_back``: the epoch at which it did, 0
    if it did not. ``exposing``: this operation has begun to
    show a flag. ``certified``: it has certified its candidate. ``expanded``: it has begun to migrate the schema.
    ``contracts``: schema contracts that were completed, oldest first. ``flags``: as they were last set;
    ``retired_flags``: never to be used again; ``guilty``: those that failed where the guard could
    tell, empty if it could not. ``placement``: where the service was last moved. ``signed``: approvals of this
    operation to which enough people have said yes; one that was not needed is not among them. ``debts``: what
    superseded operations left undone (``region``, ``what``, ``slot``: whether it is a release that still runs).
    ``ledger``: of the last failover that may have lost writes. ``written``: what the primary was seen to write.
    """

    baselines: tuple[Release, ...]
    vetoed: frozenset[str]
    left_split: Split | None
    facts: Mapping[str, Mapping[str, Any]]
    demand: Mapping[str, float] | None = None
    burn: float | None = None
    fence: int = 0
    turned_back: int = 0
    contracts: tuple[Mapping[str, Any], ...] = ()
    expanded: bool = False
    exposing: bool = False
    certified: bool = False
    flags: Mapping[str, FlagFact] = field(default_factory=dict)
    retired_flags: frozenset[str] = frozenset()
    guilty: tuple[str, ...] = ()
    placement: Placement | None = None
    signed: frozenset[str] = frozenset()
    debts: tuple[Mapping[str, Any], ...] = ()
    ledger: LedgerState | None = None
    written: Written | None = None


class ReadSecret(Protocol):
    """Reads one secret of a release; the read is in the journal before the value is handed over.

    Raises :class:`~tidegate.errors.Refused` if it is not there, ``Unreachable``, ``Rejected``."""

    def __call__(self, which: SecretVersion, *, purpose: str, regions: Sequence[str]) -> Secret: ...


def read_nothing(which: SecretVersion, *, purpose: str, regions: Sequence[str]) -> Secret:
    """For gates and whoever else only looks."""
    raise Refused(f"secret {which} was asked for by something that only looks ({purpose})")


@dataclass(frozen=True)
class StepWorld:
    """All that a step may look at or act on."""

    estate: Estate
    checks: DataChecks
    binding: Binding
    settings: Mapping[str, Any]
    known: Known
    token: Token
    clock: Clock
    operation: str
    requester: str
    reason: str
    read_secret: ReadSecret = read_nothing

    @property
    def shares(self) -> dict[str, int]:
        """Region -> basis points, in routing order."""
        shares = self.binding.shares or self.settings["shares"]
        return {region: shares[region] for region in self.settings["region_order"]}

    def shares_at(self, part: int) -> dict[str, int]:
        """Region -> basis points once ``part`` (basis points) of what this operation moves has been moved."""
        return moved(self.shares, self.binding.final or self.shares, part)

    def release(self, role: str) -> Release:
        """The stable release, or the candidate as its verification found it."""
        if role == "stable":
            return self.binding.stable
        return release_from_json(self.known.facts["admit.verify"]["release"])

    @property
    def fast_lane(self) -> bool:
        """Whether capacity limits yield to speed: asked for by a person, or the burn is critical."""
        burn = self.known.burn
        return self.binding.fast_lane or (burn is not None and burn >= self.settings["rollback"]["fast_lane"])

    def split(self, candidate_weights: Mapping[str, int]) -> Split:
        """The split with these candidate weights, in basis points of each region's own share."""
        return canary_split(self.shares, self.binding.stable_slot, candidate_weights)

    def candidate_weights(self, split: Split) -> dict[str, int]:
        """Region -> the candidate's part of the region's traffic in basis points, rounded down."""
        return {
            region: int(split.within_region(self.binding.arm(region, "candidate")) * 10_000) for region in self.shares
        }

    def wait(self, condition: Any, *, within: float, what: str) -> None:
        """Poll ``condition()`` until true. Raises :class:`NotSettled` saying ``what`` after ``within`` seconds."""
        deadline = self.clock.now() + within
        while not condition():
            if self.clock.now() >= deadline:
                raise NotSettled(f"{what} not reached within {within:g} s", next_step="retry this task: it looks first")
            self.clock.sleep(POLL)


class Verb(Protocol):
    """One verb per file. Nothing here is an increment: each converges to a desired state."""

    def describe(self, args: Mapping[str, Any]) -> str:
        """One line for people: what it does, to what."""
        ...

    def check(self, args: Mapping[str, Any], world: StepWorld) -> Look:
        """Look only. Raises :class:`~tidegate.errors.Refused` where a rule forbids the step."""
        ...

    def apply(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> None:
        """Make it so."""
        ...

    def verify(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> Result:
        """Read back from the real system. Raises :class:`~tidegate.errors.NotSettled`."""
        ...
