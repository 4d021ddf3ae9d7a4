"""Failover: a region is lost, the other one takes over. What is lost by it is measured before, and people are asked
unless it is proved that nothing is."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.model.operation import OperationKind
from tidegate.model.traffic import TOTAL
from tidegate.plan import admission
from tidegate.plan.consistency import consistent
from tidegate.plan.model import ApprovalNode, Node, Phase, Plan, Reversibility, Stage, Step
from tidegate.plan.moving import data, moving_settings, one_writer, scaled, section_of, shifts
from tidegate.plan.names import APPROVE_LOSS, CUTOVER, CUTOVER_END, FENCE_LOST, MEASURE_NODE, PROMOTE_NODE
from tidegate.plan.singletons import START_NODE, STOP_NODE, started, stopped
from tidegate.policy.admission import Admission
from tidegate.policy.schema import Policy


def failover_plan(policy: Policy, policy_digest: str) -> Plan:
    """The plan of ``failover__<service>``. It has no way back: what was promoted stays, the way home is a switchover.

    From the measure to the first move of traffic it is one critical section, for as long as nobody has to be asked.
    """
    forward = Phase.FORWARD
    part = section_of(policy).admission
    place = Step("conclude.place", "record_placement", {"region": "target", "protected": False}, effect=False)
    stages = (
        Stage("declare", "Measure, fence, ask", forward, tuple(_declare(policy))),
        Stage("cutover", "Move the writer", forward, tuple(_cutover(policy, part))),
        Stage("verify", "Look again", forward, (one_writer(policy, "verify.writer", "target"),)),
        *(_at_once(policy) if part is None else (admission.started(policy), admission.stages(policy, part))),
        Stage("check", "Data after", forward, (data(policy, "check.data", compared=False),)),
        Stage(
            "conclude",
            "Record where the service is",
            forward,
            (place, *consistent(policy, section_of(policy).gate_within)),
        ),
        *(admission.features(policy, part) if part else ()),
    )
    return Plan(policy.service, OperationKind.FAILOVER, policy_digest, moving_settings(policy), stages)


def _at_once(policy: Policy) -> tuple[Stage, ...]:
    """Everybody is answered; what the target has no room for stays where it is until there is."""
    room = Stage("scale", "Make room in the target", Phase.FORWARD, tuple(scaled(policy, "scale", "target")))
    return room, shifts(policy, "target", "Move the rest of the traffic", lost=True)


def _declare(policy: Policy) -> Iterator[Node]:
    asked = section_of(policy).approval
    roles = {"region": "source", "then": "target"}
    yield Step(MEASURE_NODE, "measure_loss", roles, effect=False, section=CUTOVER)
    fence = {**roles, "graceful": False}
    yield Step(FENCE_LOST, "fence_database", fence, Reversibility.COMPENSATABLE, section=CUTOVER)
    yield ApprovalNode(APPROVE_LOSS, asked.people, asked.quorum, asked.within)


def _cutover(policy: Policy, part: Admission | None) -> Iterator[Node]:
    promote = {"region": "target", "of": "source", "signed_by": APPROVE_LOSS}
    lost = Reversibility.POINT_OF_NO_RETURN
    yield Step(PROMOTE_NODE, "promote_database", promote, lost, approval=APPROVE_LOSS, section=CUTOVER)
    yield from _at_once_as_far(part)
    yield from stopped(policy, STOP_NODE, "source", lost=True)  # users are served by now
    yield from started(policy, START_NODE, "target", after=STOP_NODE)


def _at_once_as_far(part: Admission | None) -> Iterator[Node]:
    if part is not None:
        yield from admission.cut_over(part)
        return
    shift = {"region": "target", "part": TOTAL, "as_far_as_room": True}
    yield Step(CUTOVER_END, "shift_region", shift, section=CUTOVER)
