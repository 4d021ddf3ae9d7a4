"""What must hold between ``failover`` and the rest of a policy. Pure, as :mod:`tidegate.policy.rules`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tidegate.model.roles import Action
from tidegate.policy.admission import admission_of
from tidegate.policy.likely import likely

if TYPE_CHECKING:
    from tidegate.policy.rules import Problem
    from tidegate.policy.schema import Policy

ROLES = ("source", "target")  # what plans call the regions that are left and gone to


def failover_of(policy: Policy) -> Iterator[Problem]:
    """Of the policy as a whole."""
    from tidegate.policy.rules import Problem

    part = policy.failover
    if part is None:
        return
    if len(policy.regions) != 2:
        hint = "leave failover out, or make it two regions"
        message = f"a service moves between exactly two regions, and {policy.service} has {len(policy.regions)}"
        yield Problem(message, ("failover",), hint, key=True)
    for name in set(policy.regions) & set(ROLES):
        yield Problem(f"{name!r} is what plans call a role", ("regions", name), "name the region otherwise", key=True)
    if part.instances is not None and part.instances < policy.capacity.instances:
        message = f"{part.instances} instances carry everything, and {policy.capacity.instances} a part of it"
        yield Problem(message, ("failover", "instances"), "raise it, or leave it out")
    yield from admission_of(policy)
    yield from _approvers(policy)


def _approvers(policy: Policy) -> Iterator[Problem]:
    """Whom it asks must be allowed to answer, and enough of them must be left whoever it is that asks for it."""
    from tidegate.policy.rules import Problem

    assert policy.failover is not None
    asked, roles = policy.failover.approval, policy.roles
    if roles is None:
        return
    known, requesters = roles.who_may(Action.APPROVE), roles.who_may(Action.REQUEST)
    for number, person in enumerate(asked.people):
        if not {person, "*"} & known:
            hint = likely(person, sorted(known)) or "name them in roles.approver"
            yield Problem(f"{person!r} is no approver in roles", ("failover", "approval", "from", number), hint)
    left = [len({*asked.people} - {requester}) for requester in requesters]
    if requesters and "*" not in requesters and max(left) < asked.quorum:
        message = f"a quorum of {asked.quorum} cannot be met: whoever may request is asked too, and never approves"
        yield Problem(message, ("failover", "approval", "quorum"), "name more approvers, or another operator")
