"""The witness: reads the heads of the journal and signs them into a second place.

A hash chain shows that a row was edited, taken out, put in or moved. It cannot show that its newest rows were cut off,
or that the whole of it was written anew. A head that somebody else has signed shows both, up to the newest signature.

What this protects, said plainly:

- The witness signs a head only if the chain goes on from the one it signed last. Whoever can write to the journal's
  database can change history only by breaking with a signed head, which :mod:`tidegate.journal.audit` names.
- It does not protect rows that are newer than the newest signature (a few seconds at most while the witness lives).
- It does not make a row true: who may append, may append a lie.
- On one machine it protects as far as users are apart. Started as root, the witness becomes a system user of its own,
  and a journal's writer that is not root cannot read the key. Started otherwise, key and journal belong to the same
  user, and only the file's mode stands between them. Against root of the machine nothing here helps: then the store has
  to be on another machine, and the public key known there (``public_key`` of the audit).

Run as ``python -m tidegate.journal.witness --store DIR --key FILE``; the journal's URL comes from the environment.
"""

from __future__ import annotations

import argparse
import json
import logging
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from tidegate.errors import JournalError, Refused, TidegateError
from tidegate.journal.headstore import ABOUT, ALARMS, HEADS, PUBLIC_KEY, DirectoryStore, HeadStore
from tidegate.journal.model import EventKind, Finding, SignedHead
from tidegate.journal.privileges import USER, Separation, give_up
from tidegate.journal.settings import given_url
from tidegate.journal.signing import SigningKey, head_line, line_digest, load_or_create, parse_head
from tidegate.journal.store import Journal
from tidegate.model.canonical import canonical

log = logging.getLogger("tidegate.witness")


class Witness:
    """Looks at the heads, signs those that moved, raises an alarm for what does not go on from the last one signed.

    ``every``: seconds after which a head that moved is signed in any case; one that moved past the end of an operation
    is signed at once. ``again``: seconds after which one that stands still is signed anew.
    """

    def __init__(
        self,
        journal: Journal,
        store: HeadStore,
        key: SigningKey,
        *,
        every: float = 5.0,
        again: float = 300.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._journal, self._store, self._key = journal, store, key
        self._every, self._again, self._clock = every, again, clock
        self._last: dict[str, tuple[SignedHead | None, str]] = {}
        self._alarmed: dict[str, str] = {}

    def look(self, *, final: bool = False) -> list[SignedHead]:
        """One round over all services: what was signed. ``final``: sign whatever moved, however lately."""
        known = {s.removeprefix(f"{HEADS}/") for s in self._store.streams() if s.startswith(f"{HEADS}/")}
        signed = (self._look_at(service, final) for service in sorted({*self._journal.services(), *known}))
        return [head for head in signed if head]

    def _look_at(self, service: str, final: bool) -> SignedHead | None:
        try:
            last, digest = self._last_signed(service)
        except Refused as error:
            self._alarm(Finding(service, 0, str(error)))
            return None
        head = self._journal.head(service)
        if last and (head.seq, head.hash, head.epoch) == (last.seq, last.hash, last.epoch):
            if self._clock() - last.at < self._again:
                return None  # signed anew now and then, so that a quiet service's rows are vouched for up to today
        elif not (final or self._due(service, last)):
            return None
        link, finding = self._journal.since(service, last)
        if finding:
            self._alarm(finding)
            return None
        unsigned = SignedHead(service, link.seq, link.hash, link.epoch, float(self._clock()), digest)
        signed = self._key.sign_head(unsigned)
        self._store.append(f"{HEADS}/{service}", head_line(signed))
        self._alarmed.pop(service, None)
        self._last[service] = signed, line_digest(head_line(signed))
        log.info("signed %s at row %d", service, signed.seq)
        return signed

    def _due(self, service: str, last: SignedHead | None) -> bool:
        if last is None or self._clock() - last.at >= self._every:
            return True
        return bool(self._journal.events(service, kinds=[EventKind.OPERATION_CLOSED], after=last.seq))

    def _last_signed(self, service: str) -> tuple[SignedHead | None, str]:
        """What was signed last, from the store the first time. Raises :class:`Refused` if not with this key."""
        if service not in self._last:
            lines = self._store.lines(f"{HEADS}/{service}")
            self._last[service] = (self._own(lines[-1]), line_digest(lines[-1])) if lines else (None, "")
        return self._last[service]

    def _own(self, line: str) -> SignedHead:
        try:
            head = parse_head(line)
        except ValueError as error:
            raise Refused(f"the newest record in the store is {error}") from None
        if not self._key.public.signed(json.loads(line)):
            raise Refused("the newest record in the store was not signed with this key")
        return head

    def _alarm(self, finding: Finding) -> None:
        """Record and log it once, until something else is wrong. Nothing is signed meanwhile."""
        if self._alarmed.get(finding.service) == str(finding):
            return
        self._alarmed[finding.service] = str(finding)
        record = self._key.sign({"type": "alarm", **asdict(finding), "at": float(self._clock())})
        self._store.append(ALARMS, canonical(record).decode())
        log.error("ALARM: %s: not signed", finding)


def publish(store: HeadStore, key: SigningKey, separation: Separation) -> None:
    """Put the public key and how the witness runs beside the heads. Refuses to take the place of another key."""
    there = store.document(PUBLIC_KEY)
    if there is not None and there != key.public.pem:
        raise Refused(
            "the store holds the public key of another signing key",
            next_step="give the witness its old key back, or a new, empty store",
        )
    store.publish(PUBLIC_KEY, key.public.pem)
    store.publish(ABOUT, canonical({"key_id": key.public.key_id, **asdict(separation)}))


def watch(witness: Witness, poll: float, stop: threading.Event) -> None:
    """Look every ``poll`` seconds until told to stop, and a last time then. A journal that is away is waited for."""
    said = ""
    while True:
        last = stop.is_set()
        try:
            witness.look(final=last)
            said = ""
        except JournalError as error:
            if str(error) != said:
                log.warning("the journal cannot be read, trying on: %s", error)
            said = str(error)
        if last:
            return
        stop.wait(poll)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit codes: 0 told to stop, 2 could not start."""
    options = _options().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        watch(_start(options), options.poll, stop)
    except TidegateError as error:
        log.error("%s", error)
        return 2
    return 0


def _start(options: argparse.Namespace) -> Witness:
    url = given_url(variable=options.journal_url_env)
    if not url:
        raise Refused(f"{options.journal_url_env} is not set", next_step="set it to the URL of the journal")
    journal = Journal(url, read_only=True)
    owned = {options.store: DirectoryStore.NAMES, options.key.absolute().parent: (options.key.name,)}
    separation = give_up(options.user, owned, journal.file)
    log.log(logging.INFO if separation.apart else logging.WARNING, "%s", separation.says)
    store = DirectoryStore(options.store)
    store.claim()
    key = load_or_create(options.key)
    publish(store, key, separation)
    log.info("key %s, store %s", key.public.key_id[:16], options.store)
    return Witness(journal, store, key, every=options.every)


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tidegate.journal.witness", description="Signs the journal's heads."
    )
    parser.add_argument(
        "--journal-url-env",
        default="TIDEGATE_JOURNAL",
        help="environment variable with the URL, or with _FILE after it: its file",
    )
    parser.add_argument("--store", type=Path, required=True, help="directory of the signed heads")
    parser.add_argument(
        "--key", type=Path, required=True, help="signing key, made if missing, in a directory of its own"
    )
    parser.add_argument("--every", type=float, default=5.0, help="seconds until a head that moved is signed anyway")
    parser.add_argument("--poll", type=float, default=0.5, help="seconds between two looks")
    parser.add_argument("--user", default=USER, help="system user to become when started as root")
    return parser


if __name__ == "__main__":
    sys.exit(main())
