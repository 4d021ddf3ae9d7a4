"""A check of the service's data."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import StringConstraints, model_validator

from tidegate.checks.model import Severity
from tidegate.policy import rules
from tidegate.policy.base import Name, Part, Sql
from tidegate.policy.data import Follows, Personal, SameOnStandby, Unchanged
from tidegate.policy.problem import enforce


class Check(Part):
    """A data check of exactly one kind.

    ``no_rows``: SQL that must return none. ``equal``: two SQL statements of one value each. ``expect``: the name of a
    Great Expectations expectation. ``table``: what it looks at. ``arguments``: what it is given.
    ``not_below_snapshot``: a table whose row count may only grow. ``unchanged_since_snapshot``: rows that were there
    before the operation are as they were. ``follows``: a table is what its event log says. ``same_on_standby``: the
    standbys hold the primary's rows. ``schema_revision``: Alembic's table, which must hold the revision that the
    running release's manifest names. ``severity``: what a violation means: `hold` (stop and ask), `warn` (say so and go
    on), `next_rung` (on the way back: go one rung further). ``personal``: columns whose values are masked in the keys
    that this check shows.
    """

    severity: Severity = Severity.HOLD
    no_rows: Sql | None = None
    equal: tuple[Sql, Sql] | None = None
    expect: Annotated[str, StringConstraints(pattern=r"^expect_[a-z_]+$")] | None = None
    table: Name | None = None
    arguments: dict[str, Any] = {}  # noqa: RUF012  # pydantic copies it
    not_below_snapshot: Name | None = None
    unchanged_since_snapshot: Unchanged | None = None
    follows: Follows | None = None
    same_on_standby: SameOnStandby | None = None
    schema_revision: Name | None = None
    personal: Personal = ()

    @model_validator(mode="after")
    def _hangs_together(self) -> Check:
        enforce(rules.check(self))
        return self
