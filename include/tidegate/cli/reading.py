"""The journal for commands that only read: it is never made here, nor brought up to date."""

from __future__ import annotations

from tidegate.errors import JournalError, Refused
from tidegate.journal.protection import look, stale
from tidegate.journal.settings import journal_url
from tidegate.journal.store import Journal
from tidegate.policy import places
from tidegate.policy.folder import load_folder
from tidegate.policy.likely import likely

_WHERE = "set TIDEGATE_JOURNAL or TIDEGATE_HOME (in the lab: set -a; . var/lab/env; set +a)"


def present_journal() -> Journal:
    """The journal, for reading only. A file that is not there raises :class:`JournalError`: "no operation yet" would be
    a lie where somebody only forgot the environment."""
    journal = Journal(journal_url(), read_only=True)
    if journal.file is not None and not journal.file.exists():
        raise JournalError(f"there is no journal at {journal.file}", next_step=_WHERE)
    return journal


def reading_journal() -> Journal:
    """As :func:`present_journal`, with its tables as this Tidegate needs them."""
    journal = present_journal()
    seen = look(journal)
    if seen.revision is None:
        raise JournalError(f"there is no journal in {journal.place}: it has no tables", next_step=_WHERE)
    if not seen.current:
        says = f"the journal at {journal.place} is at revision {seen.revision}, and this Tidegate needs {seen.needs}"
        raise JournalError(says, next_step=stale(seen))
    return journal


def known_service(journal: Journal, service: str) -> None:
    """Raises :class:`Refused` with the likely name, if neither the journal nor a policy knows the service."""
    if journal.head(service).seq:
        return
    folder = places.policy_folder()
    names = {found.policy.service for found in load_folder(folder, places.snapshots(), record=False).policies}
    if service not in names:
        known = sorted({*names, *journal.services()})
        says = f"there is no service {service!r}, neither in a policy in {folder} nor in the journal at {journal.place}"
        raise Refused(says, next_step=likely(service, known) or "tidegate init")
