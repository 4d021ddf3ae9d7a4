"""The lab's journal, a file in the third place, and its witness, who signs the journal's heads into a second store.

A fresh lab starts a fresh journal and keeps the old one with the heads that were signed of it.
"""

from __future__ import annotations

import os
import stat
import sys
from datetime import UTC, datetime
from pathlib import Path

from lab.places import Places
from lab.supervision import Program

WITNESS = "witness"
_FILE = "journal/journal.sqlite"
_HEADS = "witness/heads"
_KEY = "witness/key/signing.pem"


def url(places: Places) -> str:
    return f"sqlite:///{places.home / _FILE}"


def heads(places: Places) -> Path:
    """Where signed heads are kept."""
    return places.home / _HEADS


def put_aside(places: Places) -> None:
    """Move journal and signed heads to ``var/history``, so that nothing that was ever recorded is lost."""
    kept = places.home / "history" / f"journal-{datetime.now(UTC):%Y%m%dT%H%M%S%f}"
    for directory in ((places.home / _FILE).parent, heads(places)):
        if directory.exists():
            kept.mkdir(parents=True, exist_ok=True)
            directory.rename(kept / directory.name)


def create(places: Places) -> None:
    """An empty journal with its tables, and the directories that the witness takes over."""
    from tidegate.journal.store import Journal

    for directory in ((places.home / _FILE).parent, heads(places), (places.home / _KEY).parent):
        directory.mkdir(parents=True, exist_ok=True, mode=0o755)  # the witness may be another user
    journal = Journal(url(places))
    journal.migrate()
    journal.close()


def witness(places: Places) -> Program:
    """The witness as a program. Started by root it becomes a user of its own, unless the way to the journal is closed
    to others: then it stays root, and says in its log what that means."""
    arguments = ["--store", str(heads(places)), "--key", str(places.home / _KEY)]
    if os.geteuid() == 0 and not _open_to_others(places.home):
        arguments += ["--user", "root"]
    return Program(
        WITNESS,
        [sys.executable, "-m", "tidegate.journal.witness", *arguments],
        env={"TIDEGATE_JOURNAL": url(places)},
        stop_seconds=5,
    )


def _open_to_others(directory: Path) -> bool:
    return all(d.stat().st_mode & stat.S_IXOTH for d in (directory, *directory.parents) if d.exists())
