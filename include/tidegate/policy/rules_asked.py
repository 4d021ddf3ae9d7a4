"""Whether those who are asked for an approval can answer. Pure, as :mod:`tidegate.policy.rules`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tidegate.model.roles import Action
from tidegate.policy.likely import likely
from tidegate.policy.problem import Loc, Problem, repeated

if TYPE_CHECKING:
    from tidegate.policy.base import PeopleAsked
    from tidegate.policy.people import Roles


def quorum_of(asked: PeopleAsked, at: Loc) -> Iterator[Problem]:
    """There are as many people as have to sign, each named once."""
    for problem in repeated("from", asked.people):
        yield Problem(problem.message, (*at, *problem.at))
    people = len(set(asked.people))
    if asked.quorum > people:
        yield Problem(f"a quorum of {asked.quorum} out of {people} can never be met", (*at, "quorum"))


def approvers_of(asked: PeopleAsked, roles: Roles | None, at: Loc) -> Iterator[Problem]:
    """Whom it asks must be allowed to answer, and enough of them must be left whoever it is that asks for it."""
    if roles is None:
        return
    known, requesters = roles.who_may(Action.APPROVE), roles.who_may(Action.REQUEST)
    for number, person in enumerate(asked.people):
        if not {person, "*"} & known:
            hint = likely(person, sorted(known)) or "name them in roles.approver"
            yield Problem(f"{person!r} is no approver in roles", (*at, "from", number), hint)
    left = [len({*asked.people} - {requester}) for requester in requesters]
    if requesters and "*" not in requesters and max(left) < asked.quorum:
        message = f"a quorum of {asked.quorum} cannot be met: whoever may request is asked too, and never approves"
        yield Problem(message, (*at, "quorum"), "name more approvers, or another operator")
