"""Switchover, failover and reprotect on the memory estate, by the in-process runner."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.support.estate import Rig
from tests.support.operations import small_policy
from tidegate.drivers.database.memory import MemoryDatabase
from tidegate.engine.approve import give_approval
from tidegate.engine.facts import FACT_KINDS, fold_facts
from tidegate.engine.open import Request, open_operation
from tidegate.engine.runner import AskPeople, drive, nobody
from tidegate.engine.view import OperationView
from tidegate.engine.world import World
from tidegate.model.operation import OperationKind
from tidegate.model.placement import Placement
from tidegate.plan.failover import failover_plan
from tidegate.plan.model import ApprovalNode
from tidegate.plan.reprotect import reprotect_plan
from tidegate.plan.switchover import switchover_plan
from tidegate.policy.failover import Failover
from tidegate.policy.schema import Driver, Policy

PLANNERS = {
    OperationKind.SWITCHOVER: switchover_plan,
    OperationKind.FAILOVER: failover_plan,
    OperationKind.REPROTECT: reprotect_plan,
}


def moving_policy(*, synchronous: str = "off", **changes: Any) -> Policy:
    """The small policy, with a failover whose gates a few requests fill."""
    section = {
        "steps": ["50%", "100%"],
        "approval": {"from": ["ann", "ben"], "quorum": 2, "within": "20s"},
        "gate_within": "60s",
        "instances": 3,
        **changes,
    }
    policy = small_policy()
    database = Driver(kind="memory", synchronous=synchronous) if synchronous != "off" else Driver(kind="memory")
    drivers = policy.drivers.model_copy(update={"database": database})
    return policy.model_copy(update={"failover": Failover.model_validate(section), "drivers": drivers})


def open_move(
    rig: Rig, kind: OperationKind, target: str | None = None, request_id: str = "", only: str = ""
) -> OperationView:
    number = rig.world.journal.head("shop").seq
    request = Request(kind, request_id or f"{kind} {target} {number}", "cat", "a test", target, only=only)
    return open_operation(rig.world, request, PLANNERS[kind](rig.world.policy, rig.world.policy_digest), actor="test")


def move(rig: Rig, kind: OperationKind, target: str | None = None, ask: AskPeople = nobody) -> OperationView:
    return drive(rig.world, open_move(rig, kind, target).id, actor="test", ask=ask)


def both_sign(world: World) -> AskPeople:
    """Ann and Ben say yes to whatever they are asked."""

    def ask(view: OperationView, node: ApprovalNode) -> None:
        for person in ("ann", "ben"):
            if not any(a.person == person and a.node == node.id for a in view.approvals):
                give_approval(
                    world, view.id, node.id, person=person, plan_digest=view.plan_digest, actor=f"airflow {person}"
                )

    return ask


def placement(rig: Rig) -> Placement | None:
    return fold_facts(rig.world.journal.events("shop", kinds=FACT_KINDS)).placement


def regions(rig: Rig) -> dict[str, int]:
    """Region -> its share at the router."""
    split = rig.traffic.observe().split
    assert split is not None
    return {region: split.region_share(region) for region in rig.world.policy.shares}


@dataclass
class Writers:
    """Clients beside each database who write every tick; and who would take a write at each of those moments.

    ``acknowledged``: rows by the region that has acknowledged them. ``most``: the most writers at any instant."""

    database: MemoryDatabase
    acknowledged: dict[str, list[str]] = field(default_factory=dict)
    most: int = 0
    count: int = 0

    def tick(self, _: float = 0.0) -> None:
        self.look()
        for region in self.database.servers:
            self.count += 1
            if self.database.write(region, f"order-{self.count}"):
                self.acknowledged.setdefault(region, []).append(f"order-{self.count}")

    def look(self, *_: Any) -> None:
        self.most = max(self.most, len(self.database.writable()))

    def lost(self, writer: str) -> list[str]:
        """Acknowledged rows that today's writer has not."""
        has = set(self.database.servers[writer].rows)
        return [row for rows in self.acknowledged.values() for row in rows if row not in has]


def writing(rig: Rig) -> Writers:
    """Start writing, and look at who takes writes after every effect as well."""
    clients = Writers(rig.database)
    rig.clock.ticks.append(clients.tick)
    rig.traffic.world.after_effect = clients.look
    return clients
