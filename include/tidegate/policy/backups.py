"""What a policy says of backups: how old they may be, how many are kept, how far behind the log's archive may be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from tidegate.policy.base import Part, PeopleAsked
from tidegate.policy.problem import Problem
from tidegate.policy.quantities import Seconds, SecondsOrZero
from tidegate.policy.rules_asked import approvers_of, quorum_of

if TYPE_CHECKING:
    from tidegate.policy.schema import Policy


class Backups(Part):
    """Base backups and the archive of the log, beside replication, which copies corruption; of use with
    `drivers.backups` only.

    ``every``: how often a base backup is taken; readiness is red once the newest is older than that by a half.
    ``keep``: so many readable ones are left, and the log since the oldest. ``archive_lag``: how much of the newest
    writes a restore may lack; readiness is red beyond it. ``read``: the newest backup is read in full by readiness
    where that was last done longer ago; before a restore it always is. ``approval``: who is asked before a restored
    database takes the live one's place; left out: whoever is asked before a failover that may lose writes.
    """

    every: Seconds = 86_400.0
    keep: Annotated[int, Field(ge=1, le=1000)] = 3
    archive_lag: Seconds = 60.0
    read: SecondsOrZero = 21_600.0
    approval: PeopleAsked | None = None


def backups_of(policy: Policy) -> Iterator[Problem]:
    """What must hold between `backups` and the rest of the policy. Pure."""
    if (policy.backups is None) != (policy.drivers.backups is None):
        if policy.drivers.backups is None:
            yield Problem("nothing takes these backups", ("backups",), "add drivers.backups", key=True)
        else:
            message = "it is not said how old a backup may be"
            yield Problem(
                message, ("drivers", "backups"), "add backups: {every: 24h, keep: 3, archive_lag: 60s}", key=True
            )
    if policy.backups is not None and (asked := policy.backups.approval) is not None:
        yield from quorum_of(asked, ("backups", "approval"))
        yield from approvers_of(asked, policy.roles, ("backups", "approval"))
