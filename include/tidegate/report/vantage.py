"""Who looks at the regions, and what a guard makes of it: in words, for status and pages."""

from __future__ import annotations

from typing import Any

from tidegate.journal.store import Journal

POINT, GUARD = "vantage:", "vantage:guard"  # names among the journal's beats


def vantage_document(journal: Journal, service: str, now: float) -> dict[str, Any] | None:
    """``seen_by``: points that have looked just now; ``silent``: those that have not. ``ruling``: of a live
    guard, "" without one. None where nobody ever looked."""
    beats = {name: beat for name, beat in journal.beats(service).items() if name.startswith(POINT)}
    if not beats:
        return None
    fresh = sorted(name.removeprefix(POINT) for name, beat in beats.items() if beat.expires_at >= now)
    guard = beats.get(GUARD)
    return {
        "seen_by": fresh,
        "silent": sorted(name.removeprefix(POINT) for name in beats if name.removeprefix(POINT) not in fresh),
        "ruling": str(guard.body.get("ruling", "")) if guard is not None and guard.expires_at >= now else "",
    }


def vantage_words(document: dict[str, Any] | None) -> str:
    """One line, empty where nobody ever looked."""
    if document is None:
        return ""
    seen = f"seen by {', '.join(document['seen_by'])}" if document["seen_by"] else "SEEN BY NOBODY"
    silent = f"; silent: {', '.join(document['silent'])}" if document["silent"] else ""
    return f"{seen}{silent}. {document['ruling'] or 'No guard rules on it'}"
