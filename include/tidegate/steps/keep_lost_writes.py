"""Before the old primary is rewound: what it alone had is read from it, and kept on the new one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.errors import NotSettled
from tidegate.journal.model import EventKind
from tidegate.model.lost_write import Kept, LedgerOrder, LedgerState
from tidegate.steps.contract import Look, Result, Standing, StepWorld, Verb


class KeepLostWrites:
    """``region``: role of the old primary. ``on``: of the new one. ``tables``: pairs of a table and its key. Nothing to
    do where the last failover lost nothing that was acknowledged, or its ledger is kept or closed already."""

    def describe(self, args: Mapping[str, Any]) -> str:
        return f"read what the {args['region']}'s database alone has, and keep it on the {args['on']}'s"

    def check(self, args: Mapping[str, Any], world: StepWorld) -> Look:
        owed = _owed(world)
        if owed is None:
            return Look(Standing.DONE, "no failover since the last protection may have lost a write")
        kept = world.estate.database.kept(owed.ledger) if owed.kept else None
        if owed.settled or kept is not None:
            return Look(Standing.DONE, owed.words)
        return Look(Standing.NOT_DONE, owed.words)

    def apply(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> None:
        owed = _owed(world)
        assert owed is not None  # or there was nothing to do
        tables = tuple((str(table), str(key)) for table, key in args["tables"])
        order = LedgerOrder(owed.ledger, world.binding.region(args["region"]), tables, owed.mark)
        world.estate.database.keep_lost(order, world.token)

    def verify(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> Result:
        owed = _owed(world)
        if owed is None or owed.settled:
            return Result(f"nothing to keep: {look.detail}", {"owed": False})
        kept = world.estate.database.kept(owed.ledger)
        if kept is None:
            raise NotSettled("the ledger is not on record in the database", next_step="retry: it is read again")
        if owed.kept:
            return Result(owed.words, {"owed": True, "ledger": owed.ledger})
        return _opened(owed, kept)


def _owed(world: StepWorld) -> LedgerState | None:
    return world.known.ledger


def _opened(owed: LedgerState, kept: Kept) -> Result:
    tables = {table: dict(lacks) for table, lacks in kept.tables.items()}
    body = {
        "ledger": owed.ledger,
        "region": owed.region,
        "entries": kept.entries,
        "tables": tables,
        "exact": bool(owed.mark),
    }
    words = f"{kept.entries} rows that {owed.region} alone had are kept" if kept.entries else "nothing was lost"
    return Result(words, {"owed": bool(kept.entries), **body}, ((EventKind.LEDGER_OPENED, body),))


VERB: Verb = KeepLostWrites()
