"""Who may do what to a service: five roles, six actions, one table."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Role(StrEnum):
    """What a person is to a service. One person may be several of them."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    APPROVER = "approver"
    PLATFORM = "platform"
    AUDITOR = "auditor"


class Action(StrEnum):
    """``REQUEST``: begin a promotion or a rollback. ``CONTROL``: pause, resume, abort, put brakes on, break glass.
    ``APPROVE``: say yes to another's request. ``ADOPT``: ask for what runs today to become the first baseline.
    ``AUDIT``: take the journal's rows out, to prove them elsewhere."""

    READ = "read"
    REQUEST = "request"
    CONTROL = "control"
    APPROVE = "approve"
    ADOPT = "adopt"
    AUDIT = "audit"


MAY: Mapping[Role, frozenset[Action]] = {
    Role.VIEWER: frozenset({Action.READ}),
    Role.OPERATOR: frozenset({Action.READ, Action.REQUEST, Action.CONTROL}),
    Role.APPROVER: frozenset({Action.READ, Action.APPROVE}),
    Role.PLATFORM: frozenset({Action.READ, Action.REQUEST, Action.CONTROL, Action.ADOPT}),
    Role.AUDITOR: frozenset({Action.READ, Action.AUDIT}),
}


def roles_that_may(action: Action) -> tuple[Role, ...]:
    """In the order of :class:`Role`."""
    return tuple(role for role in Role if action in MAY[role])
