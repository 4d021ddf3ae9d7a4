"""What a policy says of the service's data: the kinds of check that are a mapping, and repairs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tidegate.policy.base import Name, Part, Sql, WritingSql
from tidegate.policy.quantities import Seconds, SecondsOrZero

Personal = Annotated[tuple[Name, ...], Field(max_length=200)]
Columns = Annotated[tuple[Name, ...], Field(max_length=200)]


class Follows(Part):
    """A table that follows from an event log: every row is what the rule derives, and there is no other.

    ``projection``: the table. ``events``: the log. ``key``: the column by which a row is known, in the table and in
    what the rule gives. ``rule``: one SELECT over the log, under the table's column names; only these columns are
    compared. ``extra``: what a repair does with rows that no event explains: keeps them (the check then stays violated)
    or deletes them.
    """

    projection: Name
    events: Name
    key: Name
    rule: Sql
    extra: Literal["keep", "delete"] = "keep"


class Unchanged(Part):
    """Rows that were there when the snapshot was taken, and have to be as they were.

    ``table``: whose. ``key``: the column by which a row is known. ``written_at``: the column that says when a row came.
    ``settled``: rows younger than this at the snapshot are left out, since a transaction that was open then may
    still have added some; longer than any transaction of the service lasts. ``columns``: those that are compared, all
    if left out.
    """

    table: Name
    key: Name
    written_at: Name
    settled: SecondsOrZero = 30.0
    columns: Columns = ()


class SameOnStandby(Part):
    """A table that every standby holds as the primary does, at the same place in the write-ahead log.

    ``table``: which. ``key``: the column by which a row is known. ``within``: time for a standby to catch up; one that
    does not is not checked. ``columns``: those that are compared, all if left out; leave out what changes all the time.
    """

    table: Name
    key: Name
    within: Seconds = 10.0
    columns: Columns = ()


class Repair(Part):
    """What puts the data right where a check is violated, on the rung `schema` of the way back: exactly one of ``sql``
    and ``replay``. It is made once in an operation, and the same check says afterwards whether it helped.

    ``when``: the check. ``sql``: one statement that changes rows; doing it twice must do no harm. ``replay``: rebuild
    the table of a `follows` check from its events, while others write.
    """

    when: Name
    sql: WritingSql | None = None
    replay: bool = False
