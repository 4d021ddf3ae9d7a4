"""What the load process writes: ``load.jsonl``, one JSON array per line, in the order things ended.

``["r", at, session, endpoint, status, ms, release, order, error]``: a request. ``at``: its start, epoch seconds;
``session``: public id, "" before there is one; ``status``: 0 without an answer; ``ms``: until the whole answer was
read; ``release``: header ``x-release``, "" without; ``order``: id if an order was acknowledged, else ""; ``error``:
what the user saw go wrong, else "".
``["s"|"e"|"b", at, session]``: a session started, ended by its user, or was broken by the shop.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

FILE = "load.jsonl"
SUMMARY = "summary.json"
FLUSH_EVERY = 0.5  # seconds
TURNED_AWAY = "turned away"  # an error: the router itself said 503 and when to come again


class Request(NamedTuple):
    """One request as its user saw it."""

    at: float
    session: str
    endpoint: str
    status: int
    ms: float
    release: str
    order: str
    error: str

    @property
    def ended(self) -> float:
        return self.at + self.ms / 1000

    @property
    def failed(self) -> bool:
        """No answer, or a server error."""
        return self.status == 0 or self.status >= 500

    @property
    def bad(self) -> bool:
        """Failed, or an answer that its user sees is wrong."""
        return self.failed or bool(self.error)


class SessionEvent(NamedTuple):
    """``what``: ``s`` started, ``e`` ended by the user, ``b`` broken by the shop (gone, or its cookie was replaced)."""

    what: str
    at: float
    session: str


class Writer:
    """Appends entries; they reach the file when :meth:`flush` is called."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._file = (directory / FILE).open("w")
        self._lines: list[str] = []
        self.requests = 0

    def request(self, request: Request) -> None:
        self.requests += 1
        at, ms = round(request.at, 4), round(request.ms, 2)
        self._add(["r", *request._replace(at=at, ms=ms)])

    def session(self, event: SessionEvent) -> None:
        self._add([event.what, round(event.at, 4), event.session])

    def _add(self, entry: list[Any]) -> None:
        self._lines.append(json.dumps(entry, separators=(",", ":")))

    def flush(self) -> None:
        lines, self._lines = self._lines, []
        if lines:
            self._file.write("\n".join(lines) + "\n")
            self._file.flush()

    def close(self) -> None:
        self.flush()
        self._file.close()


def entries(directory: Path) -> tuple[list[Request], list[SessionEvent]]:
    """Everything written so far; a last line that is still being written is left out. Raises FileNotFoundError."""
    requests: list[Request] = []
    sessions: list[SessionEvent] = []
    text = (directory / FILE).read_text()
    for line in text[: text.rfind("\n") + 1].splitlines():
        entry = json.loads(line)
        if entry[0] == "r":
            requests.append(Request(*entry[1:]))
        else:
            sessions.append(SessionEvent(*entry))
    return requests, sessions
