"""Reprotect: the region that was lost comes back as the one that follows, and what was left undone is made up for."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.model.operation import OperationKind
from tidegate.plan.model import Gate, Node, Phase, Plan, Stage, Step
from tidegate.plan.moving import data, moving_settings, one_writer, protected, scaled, section_of, shifts
from tidegate.plan.names import LEDGER_CLOSED_NODE, LEDGER_DATA_NODE, LEDGER_NODE
from tidegate.plan.singletons import started, stopped
from tidegate.policy.schema import Policy

SINGLETONS_OFF, SINGLETONS_ON = "protect.singletons-off", "protect.singletons-on"
CLOSED_WITHIN = 259_200.0  # seconds for people to close the ledger: a weekend


def reprotect_plan(policy: Policy, policy_digest: str) -> Plan:
    """The plan of ``reprotect__<service>``: ``target`` takes writes, ``source`` is to follow it. Traffic moves only
    where the writer is at home already; else the way home is a switchover."""
    forward = Phase.FORWARD
    conclude = (
        one_writer(policy, "conclude.writer", "target"),
        Step("conclude.place", "record_placement", {"region": "target", "protected": True}, effect=False),
    )
    stages = (
        Stage("admit", "Look at both regions", forward, tuple(_admit(policy))),
        Stage("protect", "The source follows", forward, tuple(_protect(policy))),
        shifts(policy, "source", "Traffic as the policy has it"),
        Stage("conclude", "Record where the service is", forward, conclude),
    )
    return Plan(policy.service, OperationKind.REPROTECT, policy_digest, moving_settings(policy), stages)


def _admit(policy: Policy) -> Iterator[Node]:
    yield one_writer(policy, "admit.writer", "target")
    yield Gate("admit.returned", "returned", section_of(policy).gate_within, {"region": "source"})


def _lost_writes(policy: Policy) -> Iterator[Node]:
    """Before the old primary is rewound: what it alone had is kept, people close it, the data is checked."""
    tables = [[table, key] for table, key in section_of(policy).ledger.items()]
    if tables:
        yield Step(LEDGER_NODE, "keep_lost_writes", {"region": "source", "on": "target", "tables": tables})
        yield Gate(LEDGER_CLOSED_NODE, "ledger_closed", CLOSED_WITHIN, {"region": "source"})
        yield data(policy, LEDGER_DATA_NODE, compared=False)


def _protect(policy: Policy) -> Iterator[Node]:
    yield from stopped(policy, SINGLETONS_OFF, "source")
    yield from started(policy, SINGLETONS_ON, "target", after="")
    yield from _lost_writes(policy)
    yield from protected(policy, "source")
    yield from scaled(policy, "protect", "source", name="deploy")
    yield Step("protect.debts", "pay_debts", {"region": "source"})
