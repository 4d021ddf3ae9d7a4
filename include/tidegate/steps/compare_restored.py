"""What the live database has and the restored one has not, table by table: before people sign, and once it is over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.drivers.backups.contract import TableDifference
from tidegate.steps.check_restored import backups_of, live
from tidegate.steps.contract import Look, Result, StepWorld, Verb
from tidegate.steps.record import Record


class CompareRestored(Record):
    """``with``: ``live``, what is in the live database now, which goes on being written to; ``replaced``: what was in
    it when it was replaced, exactly."""

    def describe(self, args: Mapping[str, Any]) -> str:
        if args["with"] == "live":
            return "count what the live database has and the restored one has not: what is lost by the swap"
        return "count what the replaced database has and the restored one has not: what was lost by the swap"

    def verify(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> Result:
        bound, driver = world.binding.restored, backups_of(world)
        standing = driver.standing(bound["id"], world.binding.source)
        tables = driver.compare(bound["id"], live(world), standing.replaced if args["with"] == "replaced" else "")
        lost = {one.table: one.only_live for one in tables if one.only_live}
        facts = {
            "tables": [vars(one) for one in tables],
            "lost": lost,
            **{name: bound[name] for name in ("id", "reached", "asked", "backup")},
            "replaced": standing.replaced,
            "by": world.requester,
            "why": world.reason,
        }
        return Result(_words(args["with"], standing.replaced, tables), facts)


def _words(how: str, replaced: str, tables: tuple[TableDifference, ...]) -> str:
    lost = ", ".join(_table(one) for one in tables if one.only_live) or "no row"
    back = ", ".join(f"{one.table} {one.only_restored}" for one in tables if one.only_restored) or "none"
    if how == "replaced":
        return f"only in {replaced}: {lost}; it is kept. Rows that came back: {back}"
    return (
        f"lost by it, as of now: {lost}, and whatever is written until the swap; kept in {replaced}. "
        f"Rows that come back: {back}"
    )


def _table(one: TableDifference) -> str:
    return f"{one.table} {one.only_live} of {one.live}{' (THE WHOLE TABLE)' if one.restored is None else ''}"


VERB: Verb = CompareRestored()
