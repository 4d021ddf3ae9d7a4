"""Could the service go back, and move? The newest answer, item by item: the doctor reads only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tidegate.doctor.finding import Finding, missing, ok, warn
from tidegate.engine.readiness import KEY, ROW, STALE_AFTER
from tidegate.engine.readiness_item import State
from tidegate.journal.store import Journal

_WHY = "it would be found out when it is needed"


def readiness(service: str, journal: Journal, now: float) -> Iterator[Finding]:
    """What the journal has kept of it. Raises :class:`~tidegate.errors.JournalError`."""
    found, ask = journal.evidence(service, ROW, KEY), f"tidegate readiness {service}"
    if found is None:
        yield warn("readiness", f"{service}: never asked", _WHY, ask)
        return
    age = now - found["at"]
    if age > STALE_AFTER:
        yield warn("readiness", f"{service}: last asked {age / 3600:.0f} h ago", "much may be otherwise now", ask)
    for item in found["items"]:
        yield _finding(service, item)


def _finding(service: str, item: Mapping[str, Any]) -> Finding:
    """An answer of before there were three states has none written in it."""
    state = State(item.get("state", State.READY if item["ready"] else State.NOT_READY))
    of = f" {item['of']}" if item["of"] else ""
    away = f" with {item['away']} away" if item["away"] else ""
    says = f"{service}{of} {item['what']}{away}: {item['why']}"
    if state is State.READY:
        return ok("readiness", says)
    if state is State.NEVER:
        return warn("readiness", f"never: {says}", _WHY, item["do"])
    return missing("readiness", says, _WHY, item["do"])
