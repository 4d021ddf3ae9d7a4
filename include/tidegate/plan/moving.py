"""What the plans that move a service between its two regions have in common. Pure.

``source`` is the region that is left, ``target`` the one that is gone to; a plan never names a region, so the same plan
leads there and back.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tidegate.plan.model import Gate, Node, Phase, Stage, Step
from tidegate.plan.names import percent
from tidegate.plan.settings import bound_settings, check_specs
from tidegate.policy.failover import Failover
from tidegate.policy.schema import Policy

_OF_A_STANDBY = frozenset({"same_on_standby"})  # checks that ask for one, by their key
_OF_A_SNAPSHOT = frozenset({"not_below_snapshot", "unchanged_since_snapshot"})
LOOK_BLIND = 15.0  # seconds that a stage waits for figures that nobody has, before it goes on without them
DATA_WITHIN = 120.0  # seconds for a run of the data checks that is not blind


def can_move(policy: Policy) -> bool:
    """Whether the service has switchover, failover and reprotect at all."""
    return policy.failover is not None


def section_of(policy: Policy) -> Failover:
    """The policy's ``failover``; only of use where :func:`can_move` says yes."""
    assert policy.failover is not None, "asked for a plan that the policy does not have"
    return policy.failover


def moving_settings(policy: Policy) -> dict[str, Any]:
    """As every plan's, with what moving takes."""
    part = section_of(policy)
    return {
        **bound_settings(policy),
        "failover": {
            "then": part.decide.then,
            "deadline": part.deadline,
            "rto": policy.objectives.rto,
            "rpo": policy.objectives.rpo,
            "home": next(name for name, region in policy.regions.items() if region.database == "primary"),
            "synchronous": synchronous(policy),
            **({"ledger": True} if part.ledger else {}),
        },
    }


def synchronous(policy: Policy) -> str:
    """``off``, ``block`` or ``relax``: what the database's driver is told, where it knows of it."""
    return str((policy.drivers.database.model_extra or {}).get("synchronous", "off"))


def scaled(policy: Policy, stage: str, region: str, *, name: str = "target") -> Iterator[Node]:
    """Bring the stable release in a region to the strength that it needs there, and see that it has it."""
    args = strength(policy, region)
    yield Step(f"{stage}.{name}", "scale_region", args)
    yield Gate(f"{stage}.ready", "scaled", section_of(policy).gate_within, args)


def strength(policy: Policy, region: str) -> dict[str, Any]:
    """``all``: instances where the region carries everything; ``part``: where it does not."""
    part = policy.capacity.instances
    return {"region": region, "all": section_of(policy).instances or part, "part": part}


def shifts(policy: Policy, region: str, title: str, *, lost: bool = False) -> Stage:
    """The traffic, step by step; ``region`` is the role of the one that gets more of it. ``lost``: the other one serves
    nobody, so its part goes on where no figures are to be had."""
    return Stage("shift", title, Phase.FORWARD, tuple(_shifts(policy, region, patience(lost))))


def patience(lost: bool) -> dict[str, Any]:
    """How long a gate without any figures keeps those waiting whom nobody serves: its ``blind_after``."""
    return {"blind_after": LOOK_BLIND} if lost else {}


def _shifts(policy: Policy, region: str, patience: dict[str, Any]) -> Iterator[Node]:
    within, health = section_of(policy).gate_within, policy.rollback.health
    asked = {"requests": health.requests, "not_above": health.not_above, "confidence": health.confidence}
    for part in section_of(policy).steps:
        name = percent(part)
        move = f"shift.move-{name}"
        yield Gate(f"shift.capacity-{name}", "capacity_of", within, {"region": region, "part": part, **patience})
        yield Step(move, "shift_region", {"region": region, "part": part})
        yield Gate(
            f"shift.health-{name}", "region_health", within, {"region": region, "since": move, **asked, **patience}
        )


def replication(policy: Policy, node_id: str, region: str) -> Gate:
    """The region's database follows closely enough."""
    part = section_of(policy)
    return Gate(node_id, "replication", part.gate_within, {"region": region, "lag": part.lag})


def protected(policy: Policy, region: str) -> Iterator[Node]:
    """The region's database follows today's primary; and is waited for by it, where the policy replicates so."""
    yield Step("protect.database", "reprotect_database", {"region": region})
    yield replication(policy, "protect.stream", region)
    if synchronous(policy) != "off":
        yield Step("protect.sync", "synchronise_database", {"region": region})


def data(policy: Policy, node_id: str, *, compared: bool) -> Gate:
    """The data after the writer has moved. No standby follows yet, so none is compared with. ``compared``: a snapshot
    was taken before; a lost primary cannot be asked for one, and what it had is the business of the measured loss."""
    left_out = _OF_A_STANDBY if compared else _OF_A_STANDBY | _OF_A_SNAPSHOT
    checks = [spec for spec in check_specs(policy) if not left_out & spec.keys()]
    return Gate(node_id, "data", DATA_WITHIN, {"checks": checks})


def one_writer(policy: Policy, node_id: str, region: str) -> Gate:
    return Gate(node_id, "one_writer", section_of(policy).gate_within, {"region": region})
