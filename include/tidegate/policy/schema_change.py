"""How the database's schema is changed."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tidegate.policy.base import MANY, Part, PeopleAsked
from tidegate.policy.quantities import Seconds


class Migrations(Part):
    """How the database's schema is changed; of use with `drivers.migrations` only.

    ``prove``: whether a release's migrations are tried up, down and up again on a scratch copy, and both releases'
    smoke tests run there, before anything else; `false` is said loudly. ``irreversible``: what happens to a migration
    that cannot be undone or blocks a large table: `refuse` the release, or `gate` (people are asked). ``large_table``:
    rows from which a table is large. ``sample``: rows of each table that are copied. ``lock_timeout``: how long a
    migration waits for a lock before it gives up, so that nobody waits behind it. ``approval``: who is asked before a
    migration that cannot be undone, and before a contract, which closes the way back; without it there is neither.
    """

    prove: bool = True
    irreversible: Literal["refuse", "gate"] = "refuse"
    large_table: Annotated[int, Field(ge=1, le=MANY)] = 100_000
    sample: Annotated[int, Field(ge=0, le=100_000)] = 1000
    lock_timeout: Seconds = 2.0
    approval: PeopleAsked | None = None
