"""What a runbook says of a kind of operation that no plan knows: when it is meant, when another is, how it begins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tidegate.model.operation import OperationKind
from tidegate.policy.schema import Policy

WHO = "--by NAME --reason WHY"


@dataclass(frozen=True)
class Meant:
    """``when`` it is meant; ``others``: what is meant instead, and when."""

    when: str
    others: tuple[str, ...]


MEANT: Mapping[OperationKind, Meant] = {
    OperationKind.PROMOTION: Meant(
        "A release that is published and signed is to serve users.",
        ("Users are hurt by the release that runs now: rollback.", "A region is dark: failover."),
    ),
    OperationKind.ROLLBACK: Meant(
        "Users are hurt, or data is wrong, since a release: go back to a certified baseline, rung by rung.",
        (
            "The promotion is still under way: `tidegate abort`, which is faster.",
            "Every release fails in one region: failover.",
        ),
    ),
    OperationKind.SWITCHOVER: Meant(
        "Both regions are well and the service is to move, or to go home after a failover. Loses nothing.",
        ("The region that takes the writes is dark: failover.",),
    ),
    OperationKind.FAILOVER: Meant(
        "The region that takes the writes is lost or cannot be reached. It may lose writes, and says how many.",
        (
            "Both regions answer: switchover, which loses nothing.",
            "Only the new release is bad: rollback.",
            "It is over, and the lost region answers again: reprotect; the way home is a switchover after that.",
        ),
    ),
    OperationKind.REPROTECT: Meant(
        "After a failover, once the lost region answers again: it follows the one that takes the writes.",
        ("The service is to go home: reprotect first, then switchover.",),
    ),
    OperationKind.CONTRACT: Meant(
        "What only older releases need is to be taken away from the schema. Once the migration has run, no rollback "
        "goes to a baseline from before it.",
        ("Anybody may still want to go back behind the release that runs now: not yet.",),
    ),
}


def begin(policy: Policy, kind: OperationKind) -> str:
    """The command that begins it without Airflow. A failover goes to whichever region is the other one today."""
    service = policy.service
    return {
        OperationKind.PROMOTION: f"tidegate run promote {service} VERSION {WHO}",
        OperationKind.ROLLBACK: f"tidegate run rollback {service} {WHO}",
        OperationKind.SWITCHOVER: f"tidegate run switchover {service} --to REGION {WHO}",
        OperationKind.FAILOVER: f"tidegate run failover {service} {WHO}",
        OperationKind.REPROTECT: f"tidegate run reprotect {service} {WHO}",
        OperationKind.CONTRACT: f"tidegate contract {service} --reason WHY --wait",
    }[kind]


def owner(policy: Policy, kind: OperationKind) -> str:
    """Who answers for it."""
    if kind in (OperationKind.PROMOTION, OperationKind.CONTRACT):
        return policy.owners.release
    return policy.owners.rollback if kind is OperationKind.ROLLBACK else policy.owners.failover
