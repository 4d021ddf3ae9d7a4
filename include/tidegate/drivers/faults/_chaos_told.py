"""What an experiment's journal says, for the drill that it is part of."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tidegate.drivers.faults import _chaos_process as process
from tidegate.drivers.faults._chaos_run import Run, digest_of, failures, read_journal
from tidegate.drivers.faults.contract import Told
from tidegate.redaction import redact


def told_of(run: Run, kept: str) -> Told:
    """``kept``: where the journal lies, as it is to be named."""
    order, experiment = run.order, digest_of(run.experiment)
    journal: dict[str, Any] = json.loads(redact(json.dumps(read_journal(run.journal))))
    if not run.over:
        if process.runs(run.keeper) or process.runs(run.chaos):
            return Told(order.name, over=False, experiment=experiment)
        wrong: tuple[str, ...] = ("whoever ran it was killed, or a rollback failed: it has to be lifted",)
    else:
        wrong = tuple(_wrong(run, journal))
    return Told(
        order.name,
        run.over,
        str(journal.get("status") or "no journal"),
        wrong,
        run.rolled_back(),
        experiment,
        kept if journal else "",
        digest_of(run.journal) if journal else "",
        journal,
    )


def _wrong(run: Run, journal: Mapping[str, Any]) -> Iterator[str]:
    """Every reason why it did not pass."""
    if not journal:
        yield f"it left no journal: {run.last_words()}"
        return
    before = (journal.get("steady_states") or {}).get("before")
    if before is not None and not before.get("steady_state_met"):
        yield f"its steady state was not there before it began: {_outside(before)}"
    if journal.get("deviated"):
        yield f"its steady state has deviated: {_outside((journal.get('steady_states') or {}).get('after'))}"
    if journal.get("status") != "completed" and not journal.get("deviated"):
        yield f"it ended as {journal.get('status')}"
    yield from (f"not done: {one}" for one in failures(journal.get("run") or ()))


def _outside(state: Mapping[str, Any] | None) -> str:
    """The probes whose value was not what it should be."""
    rows = (state or {}).get("probes") or ()
    names = [str(row["activity"]["name"]) for row in rows if row.get("tolerance_met") is False]
    return ", ".join(names) or "see its journal"
