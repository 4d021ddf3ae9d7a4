"""What a policy says of acting without Airflow: whose signatures count."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints, field_validator

from tidegate.policy.base import Part, Person

KEY = r"^ed25519:[0-9a-f]{64}$"
PublicKey = Annotated[str, StringConstraints(pattern=KEY)]


class BreakGlass(Part):
    """Who can answer without Airflow.

    ``keys``: person -> their public key, as `tidegate release keygen` prints it. With it they approve by signature
    (`tidegate approve OPERATION --sign KEYFILE`), and two of them open a local journal where the service's own is out
    of reach. A key is one person's.
    """

    keys: Annotated[dict[Person, PublicKey], Field(min_length=1, max_length=100)]

    @field_validator("keys")
    @classmethod
    def _one_each(cls, keys: dict[str, str]) -> dict[str, str]:
        """Two names with one key would be one person who signs twice."""
        for person, key in keys.items():
            if others := [other for other, theirs in keys.items() if theirs == key and other != person]:
                raise ValueError(f"{person} and {others[0]} have the same key: each person has one of their own")
        return keys
