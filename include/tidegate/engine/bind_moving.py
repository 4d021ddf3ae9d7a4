"""Which region is left and which one is gone to: from what is observed, what was asked for, and what is on record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from tidegate.drivers.database.contract import DatabaseState
from tidegate.engine import partial
from tidegate.engine.facts import ServiceFacts
from tidegate.engine.open_request import Request
from tidegate.engine.world import World
from tidegate.errors import NotYet, Refused, Unreachable
from tidegate.model.binding import Binding
from tidegate.model.operation import MOVING, OperationKind
from tidegate.model.placement import Placement
from tidegate.model.release import Release
from tidegate.model.topology import Slot
from tidegate.model.traffic import TOTAL, Split
from tidegate.policy.likely import likely
from tidegate.policy.schema import Policy


@dataclass(frozen=True)
class Seen:
    """What was observed before the operation is opened. ``states``: empty where nobody asked. ``dark``: region -> why
    nobody in it could answer users; asked only where the database alone is to move."""

    split: Split | None
    states: Mapping[str, DatabaseState]
    dark: Mapping[str, str] = field(default_factory=dict)


def look(world: World, request: Request) -> Seen:
    """The router, and the databases where the operation is about them. Raises ``Unreachable``."""
    moves = request.kind in MOVING
    if moves:
        _has_two_regions(world.policy)
    states = world.estate.database.observe() if moves or request.kind is OperationKind.RESTORE else {}
    dark = partial.dark(world.estate) if request.only else {}
    return Seen(world.estate.traffic.observe().split, states, dark)


def bind_moving(
    policy: Policy, request: Request, facts: ServiceFacts, stable: tuple[Release, Slot], seen: Seen
) -> Binding:
    """Pure. Raises :class:`Refused` with the likely region, ``NotYet``, ``Unreachable``."""
    _has_two_regions(policy)
    source, target = _ROLES[request.kind](policy, request, facts.placement, seen.states)
    shares = _shares(policy, facts.placement, seen.split)
    release, slot = stable
    if request.only:
        partial.refuse_unfit(request, source, shares, seen.dark)
    final = shares if request.only else _final(policy, request.kind, target, shares)
    binding = Binding(slot, release, release.version, source=source, target=target, shares=shares, final=final)
    return replace(binding, only=request.only)


def placed(policy: Policy, facts: ServiceFacts) -> dict[str, int]:
    """The shares that an operation which moves no region keeps to; empty where they are the policy's."""
    placement = facts.placement
    return dict(placement.shares) if placement is not None and placement.shares != policy.shares else {}


def may_promote(policy: Policy, facts: ServiceFacts) -> None:
    """A candidate is judged in every region, and on a service that can lose one. Raises :class:`Refused`."""
    where = facts.placement
    if where is None:
        return
    if where.without_share:
        home = home_of(policy)
        raise Refused(
            f"{', '.join(where.without_share)} has no share of the traffic since {where.operation}, so a candidate "
            "would not be judged there",
            next_step=f"bring the service home first: tidegate reprotect {policy.service}, then tidegate switchover "
            f"{policy.service} --to {home} --reason <why>",
        )
    if not where.protected:
        raise Refused(
            f"{policy.service} is not protected since {where.operation}: no second database follows",
            next_step=f"tidegate reprotect {policy.service} --reason <why>; then promote",
        )


def home_of(policy: Policy) -> str:
    """The region whose database is the primary in fair weather."""
    return next(name for name, region in policy.regions.items() if region.database == "primary")


def _has_two_regions(policy: Policy) -> None:
    if policy.failover is None:
        raise Refused(
            f"the policy of {policy.service} has no failover, so the service stays where it is",
            next_step="add failover: {approval: {from: […], quorum: 2, within: 15m}} and look: tidegate lint",
        )


def _other(policy: Policy, region: str) -> str:
    return next(name for name in policy.regions if name != region)


def _named(policy: Policy, region: str) -> str:
    if region not in policy.regions:
        hint = likely(region, policy.regions) or f"regions: {', '.join(policy.regions)}"
        raise Refused(f"there is no region {region!r}", next_step=hint)
    return region


def _writer(policy: Policy, placement: Placement | None, states: Mapping[str, DatabaseState]) -> str:
    """Where writes go as far as anybody knows: by asking, else by the record."""
    primaries = [name for name, state in states.items() if state.role == "primary"]
    if len(primaries) > 1:
        raise Refused(f"{' and '.join(primaries)} are both a primary", next_step="fence one of them by hand, and look")
    if primaries:
        return primaries[0]
    return placement.primary if placement else home_of(policy)


def _switchover(
    policy: Policy, request: Request, placement: Placement | None, states: Mapping[str, DatabaseState]
) -> tuple[str, str]:
    writer = _writer(policy, placement, states)
    if not request.target:
        raise Refused("a switchover needs the region to go to", next_step=f"--to {_other(policy, writer)}")
    target = _named(policy, request.target)
    if target == writer:
        raise Refused(
            f"{target} is the primary already: writes go there",
            next_step=f"nothing to do; to leave it: --to {_other(policy, target)}",
        )
    if placement is not None and not placement.protected:
        raise Refused(
            f"{target} does not follow {writer} since {placement.operation}",
            next_step=f"first: tidegate reprotect {policy.service} --reason <why>",
        )
    return writer, target


def _failover(
    policy: Policy, request: Request, placement: Placement | None, states: Mapping[str, DatabaseState]
) -> tuple[str, str]:
    writer = _writer(policy, placement, states)
    target = _named(policy, request.target) if request.target else _other(policy, writer)
    if target == writer and states[target].role == "standby":  # it was started again, and has all that was ever written
        return _other(policy, target), target
    if target == writer:
        raise Refused(
            f"writes go to {target}, or went there last: a failover goes to the other region",
            next_step=f"did you mean --to {_other(policy, target)}?",
        )
    if states[target].role == "unreachable":
        raise Unreachable(
            f"the database in {target} does not answer either ({states[target].why}): nobody could take over",
            next_step="see which region can be brought back first",
        )
    return writer, target


def _reprotect(
    policy: Policy, request: Request, placement: Placement | None, states: Mapping[str, DatabaseState]
) -> tuple[str, str]:
    writer = _writer(policy, placement, states)
    if states[writer].role != "primary":
        raise NotYet(
            f"no database takes writes, so there is nothing to protect ({writer}: {states[writer].role})",
            next_step=f"is {writer} lost: tidegate failover {policy.service} --reason <why>",
        )
    return _other(policy, writer), writer


_ROLES = {
    OperationKind.SWITCHOVER: _switchover,
    OperationKind.FAILOVER: _failover,
    OperationKind.REPROTECT: _reprotect,
}


def _shares(policy: Policy, placement: Placement | None, split: Split | None) -> dict[str, int]:
    if split is not None:
        return {name: split.region_share(name) for name in policy.shares}
    return dict(placement.shares) if placement is not None else policy.shares


def _final(policy: Policy, kind: OperationKind, target: str, shares: Mapping[str, int]) -> dict[str, int]:
    """At home the traffic is as the policy has it; away it is where the writer is."""
    if kind is not OperationKind.FAILOVER and target == home_of(policy):
        return policy.shares
    if kind is OperationKind.REPROTECT:
        return dict(shares)
    return {name: TOTAL if name == target else 0 for name in policy.shares}
