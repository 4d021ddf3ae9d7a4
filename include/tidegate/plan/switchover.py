"""Switchover: the service moves to its other region as planned, and loses nothing. Also the way home."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.model.operation import OperationKind
from tidegate.plan.consistency import consistent
from tidegate.plan.model import Node, Phase, Plan, Reversibility, Stage, Step
from tidegate.plan.moving import (
    data,
    moving_settings,
    one_writer,
    protected,
    replication,
    scaled,
    section_of,
    shifts,
    strength,
)
from tidegate.plan.names import CUTOVER, FENCE_NODE, PROMOTE_NODE
from tidegate.plan.settings import check_specs
from tidegate.plan.singletons import START_NODE, STOP_NODE, started, stopped
from tidegate.policy.schema import Policy

TAKE_OVER_WITHIN = 5.0  # seconds for the standby to have everything, once the primary takes no writes any more


def switchover_plan(policy: Policy, policy_digest: str) -> Plan:
    """The plan of ``switchover__<service>``. Until the old primary is fenced it can turn back; from there on it only
    goes forward, since the standby has everything and the old primary takes no write."""
    forward = Phase.FORWARD
    admit = (Step("admit.target", "choose_target", effect=False), replication(policy, "admit.replication", "target"))
    verify = (one_writer(policy, "verify.writer", "target"), data(policy, "verify.data", compared=True))
    snapshot = Step("snapshot.take", "snapshot_data", {"checks": check_specs(policy)}, effect=False)
    stages = (
        Stage("admit", "Look at both regions", forward, admit),
        Stage("snapshot", "Data before", forward, (snapshot,)),
        Stage("scale", "Make room in the target", forward, tuple(scaled(policy, "scale", "target"))),
        shifts(policy, "target", "Move the traffic"),
        Stage("cutover", "Move the writer", forward, tuple(_cutover(policy))),
        Stage("verify", "Look again", forward, verify),
        Stage("protect", "The source follows", forward, tuple(protected(policy, "source"))),
        Stage("conclude", "Record where the service is", forward, tuple(_conclude(policy))),
        Stage("return", "The way back", Phase.RETURN, tuple(_return(policy))),
    )
    return Plan(policy.service, OperationKind.SWITCHOVER, policy_digest, moving_settings(policy), stages)


def _cutover(policy: Policy) -> Iterator[Node]:
    """Singletons stop before writes do, and start again when users can write: neither makes the pause longer."""
    yield from stopped(policy, STOP_NODE, "source", section=CUTOVER)
    quiesce = {"region": "source", "then": "target", "within": TAKE_OVER_WITHIN}
    yield Step("cutover.quiesce", "quiesce_database", quiesce, section=CUTOVER)
    fence = {"region": "source", "then": "target", "graceful": True}
    yield Step(FENCE_NODE, "fence_database", fence, Reversibility.COMPENSATABLE, section=CUTOVER)
    promote = {"region": "target", "of": "source"}
    yield Step(PROMOTE_NODE, "promote_database", promote, Reversibility.POINT_OF_NO_RETURN, section=CUTOVER)
    yield from started(policy, START_NODE, "target", after=STOP_NODE, section=CUTOVER)


def _conclude(policy: Policy) -> Iterator[Node]:
    yield Step("conclude.settle", "scale_region", strength(policy, "source"))
    yield Step("conclude.place", "record_placement", {"region": "target", "protected": True}, effect=False)
    yield from consistent(policy, section_of(policy).gate_within)


def _return(policy: Policy) -> Iterator[Node]:
    """The writer first: until it takes writes again, users are refused."""
    yield Step("return.writer", "unquiesce_database", {"region": "source"})
    yield Step("return.move", "shift_region", {"region": "target", "part": 0})
    yield one_writer(policy, "return.one-writer", "source")
    yield from started(policy, "return.singletons", "source", after=STOP_NODE)
