"""The lab's journal: a file in the third place. A fresh lab starts a fresh one and keeps the old."""

from __future__ import annotations

from datetime import UTC, datetime

from lab.places import Places

PATH = "journal/journal.sqlite"


def url(places: Places) -> str:
    return f"sqlite:///{places.home / PATH}"


def put_aside(places: Places) -> None:
    """Move what is there to ``var/history``, so that nothing that was ever recorded is lost."""
    directory = (places.home / PATH).parent
    if directory.exists():
        kept = places.home / "history" / f"journal-{datetime.now(UTC):%Y%m%dT%H%M%S%f}"
        kept.parent.mkdir(parents=True, exist_ok=True)
        directory.rename(kept)


def create(places: Places) -> None:
    """An empty journal with its tables."""
    from tidegate.journal.store import Journal

    (places.home / PATH).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    journal = Journal(url(places))
    journal.migrate()
    journal.close()
