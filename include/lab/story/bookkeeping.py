"""The lost-write ledger of a failover, held against what the users themselves have on record, and closed."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from typing import Any

import psycopg

from lab.load import records
from lab.story.stage import SERVICE, Stage

ORDERS = "orders"  # the table whose rows users have an acknowledgement of
WHY = "customers have a receipt for them"


def close_ledger(stage: Stage, tidegate: Callable[..., str]) -> dict[str, Any]:
    """Compare, then have everything reapplied by a person. ``acknowledged_lost``: orders that users were told are
    placed and the new primary has not; ``not_in_ledger``: those of them that the ledger does not name, to be 0;
    ``unacknowledged``: orders in it that nobody was told of."""
    shown = json.loads(tidegate("ledger", "show", SERVICE, "--json"))
    listed = {row["key"] for row in shown["rows"] if row["table"] == ORDERS}
    lost = _lost(stage)
    tidegate("ledger", "reapply", SERVICE, "--all", "--by", "cat", "--reason", WHY)
    return {"entries": shown["entries"], "tables": shown["tables"], "exact": shown["exact"], **compared(listed, lost)}


def compared(listed: Collection[str], lost: Collection[str]) -> dict[str, int]:
    """The ledger's orders beside the users' own. Pure."""
    return {
        "orders": len(set(listed)),
        "acknowledged_lost": len(set(lost)),
        "not_in_ledger": len(set(lost) - set(listed)),
        "unacknowledged": len(set(listed) - set(lost)),
    }


def _lost(stage: Stage) -> set[str]:
    """Every order that was ever acknowledged, less what the primary has."""
    acknowledged = set(records.orders_acknowledged(stage.load_dir, 0.0, float("inf")))
    address = stage.primary_url().replace("postgresql+psycopg://", "postgresql://", 1)
    with psycopg.connect(address) as connection:
        kept = {row[0] for row in connection.execute("select id::text from orders")}
    return acknowledged - kept
