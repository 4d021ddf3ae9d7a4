"""``python -m lab.inbox CONFIG``: who gets the shop's messages, in the third place. It takes each key once.

``POST /messages`` with the header ``idempotency-key``; every arrival is a line of its record: ``at``, ``key``,
``epoch`` of the sender, and whether it was ``taken``, being the first with its key.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from lab.answering import AnswersInJson
from lab.ports import ADDRESS


class Inbox:
    """``record``: its lines, which it reads when it starts anew."""

    def __init__(self, record: Path) -> None:
        self._record, self._lock = record, threading.Lock()
        self._taken = {line["key"] for line in arrivals(record) if line["taken"]}

    def receive(self, key: str, epoch: str) -> bool:
        """Whether it was taken now; False if it has been before."""
        with self._lock, self._record.open("a") as file:
            taken = key not in self._taken
            file.write(json.dumps({"at": time.time(), "key": key, "epoch": epoch, "taken": taken}) + "\n")
            file.flush()
            self._taken.add(key)
            return taken


def arrivals(record: Path) -> list[dict[str, Any]]:
    """Every arrival, in order; a line that is not whole yet is left out."""
    try:
        text = record.read_text()
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def handler(inbox: Inbox) -> type[BaseHTTPRequestHandler]:
    """Who answers over HTTP."""

    class Handler(AnswersInJson, BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 60
        wbufsize = -1  # an answer leaves in one piece: in two, each waits 40 ms for the sender's acknowledgement

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("content-length") or 0))
            key = self.headers.get("idempotency-key")
            if not key:
                self.answer(400, {"error": "a message bears its key in idempotency-key"})
                return
            self.answer(200, {"taken": inbox.receive(key, self.headers.get("x-epoch") or "")})

        def log_message(self, format: str, *arguments: Any) -> None:
            return

    return Handler


def main() -> None:
    config = json.loads(Path(sys.argv[1]).read_text())
    ThreadingHTTPServer.daemon_threads = True
    inbox = Inbox(Path(config["record"]))
    ThreadingHTTPServer((ADDRESS, config["port"]), handler(inbox)).serve_forever()


if __name__ == "__main__":
    main()
