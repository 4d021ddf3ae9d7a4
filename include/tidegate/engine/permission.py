"""Who may act on a service: the roles in its policy, asked by whatever changes something, whoever calls it.

Airflow says who a person is and whether they may touch the DAG; the policy says what that person is to this service.
Both have to say yes. A policy without ``roles`` leaves it to Airflow. On the command line a name is what is stated.
"""

from __future__ import annotations

from tidegate.errors import Forbidden
from tidegate.model.roles import MAY, Action, Role, roles_that_may
from tidegate.policy.schema import EVERYBODY, Policy

GUARD = "guard"  # the standing guard's name as a requester; no person may bear it


def roles_of(policy: Policy, person: str) -> tuple[Role, ...]:
    """The person's roles by the policy; none where it names no roles at all."""
    if policy.roles is None:
        return ()
    return tuple(role for role in Role if {person, EVERYBODY} & set(policy.roles.people(role)))


def may(policy: Policy, person: str | None, action: Action) -> bool:
    """Whether the policy lets this person do it. Nobody, and the guard's name, never may."""
    if not person or person == GUARD:
        return False
    return policy.roles is None or any(action in MAY[role] for role in roles_of(policy, person))


def permit(policy: Policy, person: str | None, action: Action) -> None:
    """Raises :class:`Forbidden` if :func:`may` says no. It says which role it takes, and who has it."""
    if may(policy, person, action):
        return
    if not person:
        raise Forbidden(f"nobody is named, and to {action} on {policy.service} takes a name", next_step="give a name")
    if person == GUARD:
        raise Forbidden(f"{GUARD!r} is the standing guard's own name", next_step="use your own")
    assert policy.roles is not None  # or everybody might
    wanted = roles_that_may(action)
    theirs = ", ".join(roles_of(policy, person)) or "nothing"
    people = sorted({p for role in wanted for p in policy.roles.people(role)})
    raise Forbidden(
        f"{person} may not {action} on {policy.service}: that takes {' or '.join(wanted)}, and {person} is {theirs}",
        next_step=f"ask {', '.join(people)}" if people else f"name somebody in the policy's roles.{wanted[0]}",
    )
