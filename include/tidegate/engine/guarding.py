"""What the engine reads of the guard: its beat. The guard itself lives in :mod:`tidegate.guard`."""

from __future__ import annotations

from collections.abc import Mapping

from tidegate.journal.store import Journal
from tidegate.model.written import Written

BEAT = "guard"
WRITTEN = "written"  # among the beats: what the primary was seen to have written
WITHIN = 120.0  # seconds that a shift waits for a live guard, before it gives up and the way back begins
POLL = 0.5  # seconds between two looks whether there is one
BEAT_TTL = 3.0  # seconds without a beat after which a guard counts as dead
EVIDENCE = "judge"  # key of the evidence document among an operation's evidence rows
EXPOSURE = "exposure"  # key of the evidence documents of the flags that are being shown, by flag
AFTERMATH = "aftermath"  # key of what users meet on the way back, second by second: the ladder's gates judge it
HISTORY = "history"  # key of what users met, second by second: for pages, and for nobody's verdict


def beat_expires_at(journal: Journal, service: str) -> float | None:
    """When the guard's last beat runs out, epoch seconds; None if there never was one."""
    beat = journal.beats(service).get(BEAT)
    return beat.expires_at if beat else None


def alive(journal: Journal, service: str, now: float) -> bool:
    """Whether a guard watches the service now."""
    expires = beat_expires_at(journal, service)
    return expires is not None and expires >= now


def fresh_demand(journal: Journal, service: str, now: float) -> Mapping[str, float] | None:
    """Requests per second by region as a live guard counts them; None without a live guard."""
    beat = journal.beats(service).get(BEAT)
    if beat is None or beat.expires_at < now:
        return None
    demand = beat.body.get("demand")
    return demand if isinstance(demand, Mapping) and demand else None


def written(journal: Journal, service: str) -> Written | None:
    """What the primary was seen to have written, however long ago; None if nobody has looked."""
    beat = journal.beats(service).get(WRITTEN)
    return None if beat is None else Written.from_json(beat.body)
