"""The journal: there, up to date, guarded against mistakes, whole, and vouched for from another place."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from tidegate.doctor.finding import Finding, missing, ok, warn
from tidegate.errors import JournalError
from tidegate.journal.audit import AuditReport, audit
from tidegate.journal.headstore import ABOUT, DirectoryStore
from tidegate.journal.protection import Protection, look, stale
from tidegate.journal.store import Journal

SIGNED_WITHIN = 60.0  # seconds after which a head that moved should have been signed
SKEW = 2.0  # seconds that clocks may differ

_ALL = "no operation runs without it"


def journal(journal: Journal, heads: Path | None, now: float) -> Iterator[Finding]:
    """``journal`` is opened for reading only; ``heads``: the witness's store, None if none is set."""
    try:
        seen = look(journal)
    except JournalError as error:
        mend = "see TIDEGATE_JOURNAL; where there is none yet, `tidegate adopt` makes it"
        yield missing("journal", error.message, _ALL, mend)
        return
    yield from _protected(journal, seen)
    if not seen.current:
        return
    report = audit(journal, DirectoryStore(heads) if heads else None)
    for finding in report.findings:
        yield missing("chain", str(finding), "rows that nobody can trust", "tidegate audit verify")
    if not report.findings:
        yield ok("chain", f"{sum(s.rows for s in report.services)} rows verify")
    yield from _witness(report, heads, now)
    yield _clock(journal, report, now)


def _protected(journal: Journal, seen: Protection) -> Iterator[Finding]:
    if not seen.current:
        says = f"tables at revision {seen.revision or 'none'}, this Tidegate needs {seen.needs}"
        yield missing("journal", says, _ALL, stale(seen))
        return
    yield ok("journal", f"{journal.place}, revision {seen.revision}")
    if seen.gone:
        says = f"the chain is not append-only: {', '.join(seen.gone)} is gone"
        yield missing("append-only", says, "a slip of the hand can change history", "restore the journal's schema")
    elif seen.may_change:
        says = "the chain's triggers are there, and this role may change rows all the same"
        mend = "give writers a role of their own: tidegate.journal.grants"
        yield warn("append-only", says, "whoever has this password can rewrite the chain", mend)
    else:
        yield ok("append-only", "rows of the chain cannot be changed by mistake")


def _witness(report: AuditReport, heads: Path | None, now: float) -> Iterator[Finding]:
    why = "a chain alone cannot show that its newest rows were cut off"
    start = "python -m tidegate.journal.witness --store DIR --key FILE, on another machine if you can"
    if heads is None:
        yield warn("witness", "no store of signed heads is set", why, f"{start}; then TIDEGATE_HEADS=DIR")
        return
    for service in report.services:
        late = now - (service.signed_at or 0.0)
        if service.rows and (service.signed_seq is None or (service.unsigned_rows and late > SIGNED_WITHIN)):
            signed = f"{late:.0f} s ago" if service.signed_at else "never"
            says = f"{service.service}: {service.unsigned_rows} rows are not signed; last {signed}"
            yield missing("witness", says, why, start)
    told = ok("witness", report.separation)
    yield told if _apart(heads) else warn("witness", report.separation, "the writer could sign for itself", start)


def _apart(heads: Path) -> bool:
    try:
        return bool(json.loads(DirectoryStore(heads).document(ABOUT) or b"{}").get("apart"))
    except ValueError:
        return False


def _clock(journal: Journal, report: AuditReport, now: float) -> Finding:
    """Beats and rows of others that lie in the future: this machine's clock is behind theirs."""
    ahead = 0.0
    for service in report.services:
        ahead = max([ahead, *(beat.at - now for beat in journal.beats(service.service).values())])
    if ahead <= SKEW:
        return ok("clock", "nobody's beat lies in the future")
    says = f"another machine's beat is {ahead:.0f} s in the future"
    return missing(
        "clock", says, "evidence counts by time: gates would hold, approvals expire early", "chronyc tracking"
    )
