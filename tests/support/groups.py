"""Three services on memory drivers, with one clock and one journal: shop needs payments and catalog."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.estate import Rig, build
from tests.support.moving import both_sign, moving_policy
from tidegate.engine.group_run import Carrier, carry_group
from tidegate.engine.group_view import GroupView
from tidegate.engine.groups import GroupRequest, decide_group, open_group, read_group
from tidegate.journal.model import Event, EventKind
from tidegate.journal.store import Journal
from tidegate.model.operation import OperationKind, group_chain
from tidegate.plan.group import Heading
from tidegate.policy.groups import Group
from tidegate.policy.schema import Policy

MEMBERS = ("shop", "payments", "catalog")
CHAIN = group_chain("storefront")


@dataclass
class Storefront:
    """``rigs``: by service, each a whole estate."""

    rigs: dict[str, Rig]
    group: Group

    @property
    def journal(self) -> Journal:
        return self.rigs["shop"].world.journal

    @property
    def policies(self) -> dict[str, Policy]:
        return {name: rig.world.policy for name, rig in self.rigs.items()}

    def carrier(self, who: str = "test", abreast: int = 1) -> Carrier:
        """One at a time, so that every run is the same."""
        return Carrier(self.journal, lambda name: self.rigs[name].world, "cat", who, abreast, ask=both_sign)

    def ask(self, kind: OperationKind, to: str | None = None, request_id: str = "one", **more: Any) -> GroupView:
        request = GroupRequest(kind, request_id, "cat", "a test", to, **more)
        return open_group(self.journal, self.group, self.policies, request, actor="test")

    def carry(self, view: GroupView, who: str = "test") -> GroupView:
        return carry_group(self.carrier(who), "storefront", view.id)

    def move(self, kind: OperationKind, to: str | None = None, request_id: str = "one", **more: Any) -> GroupView:
        return self.carry(self.ask(kind, to, request_id, **more))

    def decide(self, view: GroupView, heading: Heading, without: tuple[str, ...] = ()) -> GroupView:
        by: dict[str, Any] = {"person": "dora", "reason": "decided", "actor": "dora"}
        return decide_group(self.journal, self.group, self.policies, view.id, heading, without=without, **by)

    def read(self, view: GroupView) -> GroupView:
        return read_group(self.journal, "storefront", view.id)

    def writers(self) -> dict[str, tuple[str, ...]]:
        return {name: tuple(rig.database.writers()) for name, rig in self.rigs.items()}

    def rows(self, view: GroupView, *kinds: EventKind) -> list[Event]:
        return self.journal.events(CHAIN, operation=view.id, kinds=kinds or None)

    def span(self, view: GroupView, name: str) -> tuple[float, float]:
        """When the member's last move was opened and closed, by the rows of its own chain."""
        leg = view.leg(name)
        assert leg is not None, f"{name} never began"
        rows = [row for part in leg.parts for row in self.journal.events(name, operation=part.operation)]
        assert rows, f"{name} has no rows"
        return rows[0].at, rows[-1].at


def storefront(
    tmp_path: Path,
    when_one_fails: str = "hold",
    *,
    after_commit: Callable[[Event], None] | None = None,
    **more: Any,
) -> Storefront:
    """``more``: of the moving policy."""
    policy = moving_policy(synchronous="block", decide={"then": "act"}, **more)
    rigs: dict[str, Rig] = {}
    clock = None
    for name in MEMBERS:
        mine = policy.model_copy(update={"service": name})
        rigs[name] = build(tmp_path, mine, after_commit=after_commit, clock=clock)
        rigs[name].users.rate = 40.0
        clock = rigs[name].clock
    return Storefront(rigs, the_group(when_one_fails))


def the_group(when_one_fails: str = "hold") -> Group:
    return Group.model_validate(
        {
            "group": "storefront",
            "description": "What a customer sees",
            "owners": {"failover": "sre", "rollback": "team-shop"},
            "services": {"shop": {"needs": ["payments", "catalog"]}, "payments": {}, "catalog": {}},
            "when_one_fails": when_one_fails,
        }
    )
