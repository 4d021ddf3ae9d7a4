"""What every part of a policy is made of: the base class, and the words that may be written in it."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from tidegate.policy.quantities import Seconds

EVERYBODY = "*"  # in a role: whoever is let in by Airflow
MANY = 1_000_000_000
PERSON = r"^[A-Za-z0-9][A-Za-z0-9@._+-]{0,127}$"
Person = Annotated[str, StringConstraints(pattern=PERSON)]

Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=500)]
Sql = Annotated[str, StringConstraints(pattern=r"^(?i:select|with)\s[^;]*$", max_length=8000)]
WritingSql = Annotated[
    str, StringConstraints(pattern=r"^(?i:update|insert|delete|merge|with)\s[^;]*$", max_length=8000)
]


def listed(value: Any) -> Any:
    """``"*"`` as a list of one. Lists become tuples, which strict validation wants once Python has touched them."""
    return (value,) if value == EVERYBODY else tuple(value) if isinstance(value, list) else value


class Part(BaseModel):
    """Base of every part of a policy: frozen, no unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PeopleAsked(Part):
    """``from``: who may say yes; never the requester. ``quorum``: how many of them. ``within``: time to answer."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    people: Annotated[tuple[Person, ...], Field(alias="from", min_length=1, max_length=100)]
    quorum: Annotated[int, Field(ge=1, le=5)] = 1
    within: Seconds
