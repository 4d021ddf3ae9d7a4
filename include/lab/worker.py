"""``python -m lab.worker``: the job that sends the shop's outbox, of which one at most may work.

Environment: ``SHOP_DB_URL`` (a secret, never printed), ``SHOP_INBOX`` (where messages go), ``SHOP_EPOCH`` (under which
it was started), ``SHOP_SINGLETON`` (its name). It takes its epoch in the database before it reads, and again in the
transaction in which it notes what it has sent; where it finds a newer one it has been replaced, and ends with exit
status 76. A message may go out twice if it is killed in between; it bears its key, and the receiver takes each once.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import sys
import time
from dataclasses import dataclass, field
from types import FrameType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import psycopg

REPLACED = 76
IDLE = 0.1  # seconds between two looks at an empty outbox
AWAY = 0.2  # seconds until a database or a receiver that is away is tried again
BATCH = 100
_OPTIONS = "-c idle_in_transaction_session_timeout=5s"  # one that is frozen in the middle holds up nobody
# One row per job: whoever comes with an older epoch than the row's changes nothing, and is told so by getting no row.
_TAKE = """
insert into job_epochs as held (name, epoch) values (%s, %s)
on conflict (name) do update set epoch = excluded.epoch where held.epoch <= excluded.epoch
returning epoch"""
_UNSENT = "select key::text, body from outbox where sent_at is null order by created_at limit %s"
_SENT = "update outbox set sent_at = clock_timestamp(), sent_epoch = %s where key = any(%s::uuid[]) and sent_at is null"


class ReplacedError(Exception):
    """A job with a newer epoch has begun."""


@dataclass
class Worker:
    """``epoch``: under which it was started; nothing that it does counts once a newer one is taken."""

    url: str
    inbox: str
    name: str
    epoch: int
    stopping: bool = False
    _line: http.client.HTTPConnection | None = field(default=None, repr=False)

    def run(self) -> None:
        """Until it is told to stop. Raises :class:`ReplacedError`."""
        import psycopg

        while not self.stopping:
            try:
                with psycopg.connect(self.url, connect_timeout=3, options=_OPTIONS) as connection:
                    self._work(connection)
            except (
                psycopg.OperationalError,
                psycopg.errors.ReadOnlySqlTransaction,
                OSError,
                http.client.HTTPException,
            ):
                self._line = None
                time.sleep(AWAY)

    def _work(self, connection: psycopg.Connection[Any]) -> None:
        while not self.stopping:
            found = self.read(connection)
            for key, body in found:
                self.send(key, body)
            if found:
                self.note(connection, [key for key, _ in found])
            else:
                time.sleep(IDLE)

    def read(self, connection: psycopg.Connection[Any]) -> list[tuple[str, Any]]:
        """What is to be sent, oldest first."""
        with connection.transaction():
            self._take(connection)
            return connection.execute(_UNSENT, (BATCH,)).fetchall()

    def note(self, connection: psycopg.Connection[Any], keys: list[str]) -> None:
        """These have been sent; in one transaction with the epoch, so one that was replaced notes nothing."""
        with connection.transaction():
            self._take(connection)
            connection.execute(_SENT, (self.epoch, keys))

    def send(self, key: str, body: Any) -> None:
        """Returns once the receiver has it. Raises OSError or HTTPException."""
        where = urlsplit(self.inbox)
        if self._line is None:
            self._line = http.client.HTTPConnection(where.hostname or "", where.port, timeout=5)
        headers = {"idempotency-key": key, "x-epoch": str(self.epoch), "content-type": "application/json"}
        self._line.request("POST", where.path or "/", json.dumps(body), headers)
        answer = self._line.getresponse()
        answer.read()
        if answer.status != 200:
            raise http.client.HTTPException(f"the receiver answered {answer.status}")

    def stop(self, number: int, frame: FrameType | None) -> None:
        """What was begun is brought to its end."""
        self.stopping = True

    def _take(self, connection: psycopg.Connection[Any]) -> None:
        if connection.execute(_TAKE, (self.name, self.epoch)).fetchone() is None:
            raise ReplacedError(f"{self.name}: a newer epoch than {self.epoch} has begun")


def main() -> int:
    given = os.environ
    worker = Worker(given["SHOP_DB_URL"], given["SHOP_INBOX"], given["SHOP_SINGLETON"], int(given["SHOP_EPOCH"]))
    signal.signal(signal.SIGTERM, worker.stop)
    print(f"{worker.name} under epoch {worker.epoch}, pid {os.getpid()}", file=sys.stderr)
    try:
        worker.run()
    except ReplacedError as replaced:
        print(f"{replaced}; this one ends", file=sys.stderr)
        return REPLACED
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
