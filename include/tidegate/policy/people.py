"""Who answers for a service, and who may act on it."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field, StringConstraints, WithJsonSchema

from tidegate.model.operation import MOVING, OperationKind
from tidegate.model.roles import Action, Role, roles_that_may
from tidegate.policy.base import EVERYBODY, PERSON, Part, listed

_PEOPLE_SCHEMA = {
    "anyOf": [
        {"const": EVERYBODY},
        {"type": "array", "items": {"type": "string", "pattern": PERSON}, "maxItems": 200},
    ],
    "examples": ["[ann, ben]", '"*"'],
}
OneOrAll = Annotated[str, StringConstraints(pattern=rf"^\*$|{PERSON}")]
People = Annotated[tuple[OneOrAll, ...], BeforeValidator(listed), Field(max_length=200), WithJsonSchema(_PEOPLE_SCHEMA)]


Owner = Annotated[str, StringConstraints(pattern=r"^\s*\S.*$", max_length=500)]


class Owners(Part):
    """Who answers for what: a team or a person, as your organisation names them.

    ``release``: for promotions. ``rollback``: for the way back. ``failover``: for moving to another region.
    ``dashboard``: for what is watched.
    """

    release: Owner
    rollback: Owner
    failover: Owner
    dashboard: Owner

    def of(self, kind: OperationKind, *, going_back: bool = False) -> str:
        """Who answers for an operation of this kind; ``going_back``: for its way back."""
        if kind in MOVING or kind is OperationKind.DRILL:
            return self.failover
        back = going_back or kind in (OperationKind.ROLLBACK, OperationKind.RESTORE)
        return self.rollback if back else self.release


class Roles(Part):
    """Who may act on this service, of those whom Airflow lets: user names, or `"*"` for all of them. A role that is
    left out is nobody's; without the whole key all is left to Airflow.

    ``viewer``: looks. ``operator``: begins promotions and rollbacks, pauses, resumes, aborts, puts brakes
    on, breaks glass. ``approver``: says yes to others' requests. ``platform``: as operator, and adopts what runs today.
    ``auditor``: exports the journal.
    """

    viewer: People = ()
    operator: People = ()
    approver: People = ()
    platform: People = ()
    auditor: People = ()

    def people(self, role: Role) -> tuple[str, ...]:
        """Who has the role, as written."""
        found: tuple[str, ...] = getattr(self, role.value)
        return found

    def who_may(self, action: Action) -> frozenset[str]:
        """Everybody, by name, whose role may do it."""
        return frozenset(person for role in roles_that_may(action) for person in self.people(role))
