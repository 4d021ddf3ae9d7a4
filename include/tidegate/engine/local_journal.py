"""A journal beside the service's own, for when that one is out of reach: a second authority, so it takes two people.

It begins from the bundle's last known head with the rows that tell what the service is. Its epochs are of a higher
class: every system that holds tokens refuses whoever still acts under the journal that is cut off.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tidegate.drivers.artifacts._signatures import SigningKey, TooFewKeysError, open_envelope, sign
from tidegate.engine.signatures import keys_of, named, owner, trust_in
from tidegate.engine.telling import telling_journal
from tidegate.errors import Refused
from tidegate.journal.model import Event, EventKind
from tidegate.journal.store import Journal, Transaction
from tidegate.policy.schema import Policy

OPENING_TYPE = "application/vnd.tidegate.local-journal+json"
CLASS = 1_000_000_000  # epochs from one class to the next: no journal raises so many by itself
SIGNERS = 2
FILE = "journal.sqlite"
_OPENED = frozenset({EventKind.LOCAL_JOURNAL_OPENED})


@dataclass(frozen=True)
class Known:
    """What a bundle knows of the journal that is out of reach. ``facts``: rows, as a bundle keeps them."""

    seq: int
    hash: str
    epoch: int
    facts: Sequence[Mapping[str, Any]]

    @classmethod
    def of(cls, head: bytes, facts: bytes) -> Known:
        """From the two files of a bundle. Raises :class:`Refused` if they are none."""
        try:
            found = json.loads(head)["head"]
            rows = [json.loads(line) for line in facts.splitlines() if line.strip()]
            return cls(int(found["seq"]), str(found["hash"]), int(found["epoch"]), rows)
        except (ValueError, KeyError, TypeError) as error:
            raise Refused(f"the bundle does not say where the journal stood ({type(error).__name__})") from None


def url_of(directory: Path) -> str:
    """Of the local journal that is, or will be, in this folder."""
    return f"sqlite:///{(directory / FILE).absolute()}"


def is_local(txn: Transaction) -> bool:
    """Whether this is a local journal."""
    return bool(txn.events(kinds=_OPENED))


def opening_of(journal: Journal, service: str) -> Event:
    """The row with which it was opened. Raises :class:`Refused` for a journal that is no local one of this service."""
    rows = journal.events(service, kinds=_OPENED)
    if not rows or rows[0].seq != 1:
        raise Refused(
            f"{journal.place} is no local journal of {service}", next_step="name the folder of --local-journal"
        )
    return rows[0]


def signed_opening(policy: Policy, opening: Event) -> dict[str, Any]:
    """What two people have signed. Raises ``Rejected`` or :class:`Refused` if that is not what the row says, or if too
    few keys that the policy names now have signed it."""
    payload = open_envelope(
        str(opening.body["envelope"]).encode(),
        OPENING_TYPE,
        _trust(policy),
        "the opening of the local journal",
    )
    told = {name: opening.body.get(name) for name in payload}
    if payload != told or payload["service"] != opening.service or payload["epoch"] != opening.epoch:
        raise Refused("the local journal's opening row says something else than was signed")
    return payload


def open_local(
    directory: Path,
    policy: Policy,
    policy_digest: str,
    known: Known,
    keys: Sequence[SigningKey],
    *,
    reason: str,
    actor: str,
    clock: Callable[[], float],
) -> Journal:
    """The local journal in ``directory``, begun now, or before: then it goes on, and nobody signs again.

    Raises :class:`Refused` without the signatures of two people whose keys the policy names.
    """
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    journal = telling_journal(url_of(directory), clock)
    journal.migrate()
    if journal.head(policy.service).seq == 0:
        _begin(journal, policy, policy_digest, known, keys, reason, actor)
    signed_opening(policy, opening_of(journal, policy.service))
    return journal


def _begin(
    journal: Journal,
    policy: Policy,
    policy_digest: str,
    known: Known,
    keys: Sequence[SigningKey],
    reason: str,
    actor: str,
) -> None:
    people = {owner(policy, key): key for key in keys}
    if len(people) < SIGNERS:
        raise Refused(
            f"a local journal is a second authority: it takes the signatures of {SIGNERS} people, here are "
            f"{len(people)} ({', '.join(people) or 'none'})",
            next_step="--signed-by ann.pem --signed-by ben.pem, with keys that the policy names in break_glass.keys",
        )
    with journal.locked(policy.service) as txn:
        if txn.head.seq:
            return
        epoch = txn.raise_epoch(known.epoch + CLASS)
        payload = {
            "service": policy.service,
            "policy_digest": policy_digest,
            "head": {"seq": known.seq, "hash": known.hash, "epoch": known.epoch},
            "epoch": epoch,
            "facts": len(known.facts),
            "why": reason,
            "people": sorted(people),
        }
        envelope = sign(payload, OPENING_TYPE, [named(key, person) for person, key in sorted(people.items())])
        body = {**payload, "envelope": envelope.decode().strip()}
        txn.append(EventKind.LOCAL_JOURNAL_OPENED, body, actor=actor, epoch=epoch)
        for row in known.facts:
            txn.append(
                EventKind(row["kind"]), row["body"], actor=row["actor"], operation=row["operation"], at=row["at"]
            )


def _trust(policy: Policy) -> Any:
    try:
        return trust_in(policy, tuple(keys_of(policy)), SIGNERS)
    except TooFewKeysError as error:
        raise Refused(error.message, next_step="name people's keys in the policy: break_glass: {keys: {…}}") from None
