"""What ``lint`` says of moving between regions: who would be left to answer, whether one region can carry all. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.model.roles import Action
from tidegate.policy.failover import Failover
from tidegate.policy.problem import Loc
from tidegate.policy.schema import EVERYBODY, Policy

Said = tuple[str, str, Loc, str]  # rule, message, place, hint

MOVES = ("admin", "control", "power")  # settings of the postgres driver without which its writer cannot be moved


def lint_failover(policy: Policy) -> Iterator[Said]:
    """Allowed, and unwise."""
    part = policy.failover
    if part is None:
        return
    at: Loc = ("failover",)
    if part.decide.then == "act" and part.decide.vantage_points < 2:
        message = "one vantage point alone takes its own trouble for the loss of a region, and nobody is asked"
        yield "failover-one-eye", message, (*at, "decide", "vantage_points"), "make it 2 at least, or then: approve"
    askers = policy.roles.who_may(Action.REQUEST) if policy.roles else None
    asked_themselves = askers is None or {*part.approval.people, EVERYBODY} & askers
    if part.approval.quorum == len(part.approval.people) and asked_themselves:
        message = "if one of them asks for the failover, the quorum cannot be met: a requester never approves"
        yield "failover-lonely", message, (*at, "approval", "quorum"), "name one person more"
    yield from _objectives(policy)
    yield from _room(policy, part)
    yield from _fence(policy)


def _objectives(policy: Policy) -> Iterator[Said]:
    if policy.objectives.rto is None:
        message = "no time is promised for the loss of a region, so none is measured against"
        yield "failover-no-rto", message, ("objectives",), "add rto: 60s, and rpo: 0s"


def _room(policy: Policy, part: Failover) -> Iterator[Said]:
    carries = (part.instances or policy.capacity.instances) * policy.capacity.per_instance
    if policy.traffic is not None and policy.traffic.rate > carries:
        message = f"one region alone carries {carries:g}/s, and {policy.traffic.rate:g}/s are expected"
        hint = "raise failover.instances"
        if part.admission is None:
            hint += ", or add failover.admission: who has no room is told when to come again"
        yield "failover-no-room", message, ("failover",), hint


def _fence(policy: Policy) -> Iterator[Said]:
    """Only what is known of the driver that comes with Tidegate."""
    database = policy.drivers.database
    given = database.model_extra or {}
    missing = [name for name in MOVES if name not in given]
    if database.kind == "postgres" and missing:
        message = f"the database cannot be moved without {', '.join(missing)}: a switchover or failover is refused"
        yield "failover-no-fence", message, ("drivers", "database"), "docs/how-to/move-between-regions.md shows them"
