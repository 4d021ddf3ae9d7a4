"""A restored database takes the live one's place: loaded beside it, compared, signed for, and swapped in."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.errors import Refused
from tidegate.model.operation import OperationKind
from tidegate.plan.model import ApprovalNode, Gate, Node, Phase, Plan, Reversibility, Stage, Step
from tidegate.plan.names import APPROVE_SWAP, COMPARE_NODE, LOAD_NODE, REPLACED_NODE, SWAP_NODE
from tidegate.plan.settings import bound_settings, check_specs
from tidegate.policy.base import PeopleAsked
from tidegate.policy.schema import Policy

DATA_WITHIN = 120.0  # seconds for a run of the data checks that is not blind
# these compare with a snapshot of the live database, or with its standbys
NOT_ASKED = frozenset({"not_below_snapshot", "unchanged_since_snapshot", "same_on_standby"})


def restore_plan(policy: Policy, policy_digest: str) -> Plan:
    """The plan of ``tidegate restore <service> --swap``. Until the names change hands it can turn back, and what was
    loaded is dropped; from there on it only ends. Raises :class:`Refused` where nobody is named who would sign."""
    forward, back = Phase.FORWARD, Phase.RETURN
    # a rollback would compare with the snapshot of before, and miss what the restored database never had
    snapshot = Step("snapshot.take", "snapshot_data", {"checks": check_specs(policy)}, effect=False)
    stages = (
        Stage("copy", "Load it beside the live database, compare, ask", forward, tuple(_copy(policy))),
        Stage("swap", "Put it in the live one's place", forward, (_swap(),)),
        Stage("verify", "Look again", forward, tuple(_verify(policy))),
        Stage("snapshot", "What later checks compare with", forward, (snapshot,)),
        Stage("return", "The way back", back, (Step("return.copy", "drop_restored"),)),
    )
    return Plan(policy.service, OperationKind.RESTORE, policy_digest, bound_settings(policy), stages)


def people_of(policy: Policy) -> PeopleAsked:
    """Who signs for what is lost by it: ``backups.approval``, else whoever signs for a failover's loss."""
    asked = policy.backups.approval if policy.backups else None
    asked = asked or (policy.failover.approval if policy.failover else None)
    if asked is None:
        raise Refused(
            f"the policy of {policy.service} names nobody who would sign for what is lost by a swap",
            next_step="add backups.approval: {from: […], quorum: 2, within: 15m} and look: tidegate lint",
        )
    return asked


def _copy(policy: Policy) -> Iterator[Node]:
    asked = people_of(policy)
    checks = [spec for spec in check_specs(policy) if not NOT_ASKED & spec.keys()]
    yield Step("copy.check", "check_restored", {"checks": checks}, effect=False)
    yield Step(LOAD_NODE, "load_restored")
    yield Step(COMPARE_NODE, "compare_restored", {"with": "live"}, effect=False)
    yield ApprovalNode(APPROVE_SWAP, asked.people, asked.quorum, asked.within)


def _swap() -> Step:
    return Step(SWAP_NODE, "swap_restored", {}, Reversibility.POINT_OF_NO_RETURN, approval=APPROVE_SWAP)


def _verify(policy: Policy) -> Iterator[Node]:
    checks = [spec for spec in check_specs(policy) if not NOT_ASKED & spec.keys()]
    yield Step("verify.follow", "follow_swap")
    yield Step(REPLACED_NODE, "compare_restored", {"with": "replaced"}, effect=False)
    yield Gate("verify.data", "data", DATA_WITHIN, {"checks": checks})
