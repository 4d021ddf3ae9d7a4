"""Why a drill that runs has to end at once: something is going on with the service itself."""

from __future__ import annotations

from tidegate.engine.region_loss import episode
from tidegate.engine.watchkeeping import open_view
from tidegate.journal.store import Journal


def incident(journal: Journal, service: str) -> str:
    """``service``: the one whose plans are rehearsed. Empty if nothing is."""
    view = open_view(journal, service)
    if view is not None:
        return f"{view.id} of {service} itself is open"
    lost = episode(journal, service)
    return f"{lost.why}: look at {service} itself" if lost is not None else ""
