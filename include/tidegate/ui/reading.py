"""The journal as pages read it."""

from __future__ import annotations

import os
from functools import cache

from tidegate.journal.settings import HOME, journal_url
from tidegate.journal.store import Journal
from tidegate.policy.places import home


@cache
def reading_journal() -> Journal:
    """The journal of this installation; the database itself sees to it that nothing is written."""
    return Journal(journal_url({**os.environ, HOME: str(home())}), read_only=True)
