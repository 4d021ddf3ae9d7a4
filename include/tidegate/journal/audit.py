"""What an auditor asks: is the journal whole, and who vouches for that?"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from tidegate.errors import Refused
from tidegate.journal.headstore import ABOUT, ALARMS, HEADS, PUBLIC_KEY, HeadStore
from tidegate.journal.model import Finding, SignedHead
from tidegate.journal.signing import PublicKey, line_digest, parse_head
from tidegate.journal.store import Journal

WHOLE, BROKEN, UNVOUCHED = 0, 1, 2  # exit statuses


@dataclass(frozen=True)
class ServiceAudit:
    """``rows``: rows that verify. ``heads``: signed heads with a good signature. ``signed_seq``: newest row that one of
    them vouches for, None if there is none; ``unsigned_rows``: rows newer than that, which is no fault by itself."""

    service: str
    rows: int
    heads: int
    signed_seq: int | None
    signed_at: float | None
    findings: tuple[Finding, ...]

    @property
    def unsigned_rows(self) -> int:
        return max(0, self.rows - (self.signed_seq or 0))


@dataclass(frozen=True)
class AuditReport:
    """``key_pinned``: the public key came from the auditor, not from the store beside the heads. ``alarms``: what the
    witness refused to sign. ``separation``: how far the key is from the journal's writer, in words."""

    services: tuple[ServiceAudit, ...]
    store_findings: tuple[Finding, ...]
    alarms: tuple[Mapping[str, Any], ...]
    key_id: str | None
    key_pinned: bool
    separation: str

    @property
    def findings(self) -> tuple[Finding, ...]:
        return (*self.store_findings, *(f for service in self.services for f in service.findings))

    @property
    def exit_status(self) -> int:
        """0: whole, and vouched for. 1: something does not verify, or the witness raised an alarm. 2: all verifies, but
        of some service no head was ever signed, so a cut or rewritten chain would not show."""
        if self.findings or self.alarms:
            return BROKEN
        return UNVOUCHED if any(s.rows and s.signed_seq is None for s in self.services) else WHOLE

    def to_json(self) -> dict[str, Any]:
        rows = [{**asdict(s), "unsigned_rows": s.unsigned_rows} for s in self.services]
        return {**asdict(self), "services": rows, "exit_status": self.exit_status}


def audit(journal: Journal, store: HeadStore | None, *, public_key: bytes | None = None) -> AuditReport:
    """Verify every chain, and hold it against the signed heads in ``store``.

    ``public_key``: PEM that the auditor trusts. Without it the store's own is used, which whoever can write to the
    store could have put there. The store is read before the journal, since heads signed meanwhile would be ahead of it.
    """
    if store is None:
        return _report(journal, {}, [], (), None, False, "no store of signed heads was given")
    try:
        key, pinned = _key(store, public_key)
    except Refused as error:
        return _report(journal, {}, [Finding("witness", 0, str(error))], (), None, False, _separation(store))
    signed, found = _signed_heads(store, key)
    alarms, bad = _alarms(store, key)
    return _report(journal, signed, [*found, *bad], alarms, key, pinned, _separation(store))


def _report(
    journal: Journal,
    signed: Mapping[str, list[SignedHead]],
    found: list[Finding],
    alarms: tuple[Mapping[str, Any], ...],
    key: PublicKey | None,
    pinned: bool,
    separation: str,
) -> AuditReport:
    services = []
    for verified in journal.verify_services([h for heads in signed.values() for h in heads]):
        heads = signed.get(verified.service, [])
        newest = next((h for h in reversed(heads) if h.seq == verified.signed_seq), None)
        seq, at = (newest.seq, newest.at) if newest else (None, None)
        services.append(ServiceAudit(verified.service, verified.rows, len(heads), seq, at, verified.findings))
    key_id = key.key_id if key else None
    return AuditReport(tuple(services), tuple(found), alarms, key_id, pinned, separation)


def _key(store: HeadStore, trusted: bytes | None) -> tuple[PublicKey | None, bool]:
    published = store.document(PUBLIC_KEY)
    if trusted is not None:
        key = PublicKey(trusted)
        if published is not None and PublicKey(published).key_id != key.key_id:
            raise Refused("the store's public key is not the trusted one")
        return key, True
    return (PublicKey(published) if published is not None else None), False


def _signed_heads(store: HeadStore, key: PublicKey | None) -> tuple[dict[str, list[SignedHead]], list[Finding]]:
    signed: dict[str, list[SignedHead]] = {}
    found: list[Finding] = []
    for stream in store.streams():
        if stream.startswith(f"{HEADS}/"):
            service = stream.removeprefix(f"{HEADS}/")
            signed[service], bad = _stream(service, store.lines(stream), key)
            found += bad
    return signed, found


def _stream(service: str, lines: list[str], key: PublicKey | None) -> tuple[list[SignedHead], list[Finding]]:
    """The good records up to the first bad one, which is named by its line."""
    heads: list[SignedHead] = []
    previous = ""
    for number, line in enumerate(lines, start=1):
        what, head = _record(service, line, previous, heads[-1] if heads else None, key)
        if what or head is None:
            return heads, [Finding(service, 0, f"signed head in line {number} {what}")]
        heads.append(head)
        previous = line_digest(line)
    return heads, []


def _record(
    service: str, line: str, previous: str, before: SignedHead | None, key: PublicKey | None
) -> tuple[str, SignedHead | None]:
    try:
        head = parse_head(line)
    except ValueError as error:
        return f"cannot be read: {error}", None
    if key is None:
        return "cannot be checked: the store holds no public key", None
    if not key.signed(json.loads(line)):
        return f"has a bad signature (row {head.seq})", None
    if head.service != service:
        return f"is of {head.service}", None
    if head.previous != previous:
        return "does not follow the line before it: a record was taken out, put in or moved", None
    if before and (head.seq < before.seq or head.epoch < before.epoch):
        return f"goes back from row {before.seq}, epoch {before.epoch} to row {head.seq}, epoch {head.epoch}", None
    return "", head


def _alarms(store: HeadStore, key: PublicKey | None) -> tuple[tuple[Mapping[str, Any], ...], list[Finding]]:
    alarms: list[Mapping[str, Any]] = []
    found: list[Finding] = []
    for number, line in enumerate(store.lines(ALARMS), start=1):
        try:
            record = json.loads(line)
        except ValueError:
            record = None
        if isinstance(record, dict) and key and key.signed(record):
            alarms.append(record)
        else:
            found.append(Finding("witness", 0, f"alarm in line {number} has a bad signature"))
    return tuple(alarms), found


def _separation(store: HeadStore) -> str:
    about = store.document(ABOUT)
    try:
        return str(json.loads(about)["says"]) if about else "unknown: no witness has ever started on this store"
    except (ValueError, KeyError, TypeError):
        return f"unknown: {ABOUT} in the store cannot be read"
