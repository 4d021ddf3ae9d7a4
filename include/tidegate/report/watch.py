"""The watch over a release after its promotion, in words, from the journal alone."""

from __future__ import annotations

import time
from dataclasses import dataclass

from tidegate.engine.after_promotion import finding, unanswered, watched_release
from tidegate.journal.store import Journal


@dataclass(frozen=True)
class WatchWords:
    """``words``: one line. ``needs``: what a person has to do at once, empty if nothing."""

    words: str
    needs: str = ""


def watch_words(journal: Journal, service: str, now: float) -> WatchWords | None:
    """None if nothing is watched: no such policy, the time is over, or an operation has answered what was found."""
    watched = watched_release(journal, service)
    if watched is None:
        return None
    version, found = watched.release.version, finding(journal, watched)
    if found is not None and found.answered:
        return None
    if found is not None:
        return WatchWords(found.why, unanswered(watched, found.target, found.because))
    if not watched.at(now):
        return None
    until = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(watched.until))
    return WatchWords(f"{version} is watched until {until} UTC: if it fails, a rollback is asked for")
