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
    lost = alarm(journal, service)
    return f"{lost}: look at {service} itself" if lost else ""


def alarm(journal: Journal, service: str) -> str:
    """The loss that nobody has answered yet, in words; empty if there is none."""
    lost = episode(journal, service)
    return lost.why if lost is not None and not lost.answered else ""
