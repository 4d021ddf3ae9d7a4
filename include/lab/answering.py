"""A small HTTP server of the lab answers in JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from typing import Any


class AnswersInJson(BaseHTTPRequestHandler):
    """What is asked goes to the process's own log."""

    timeout = 10

    def answer(self, status: int, body: Mapping[str, Any]) -> None:
        """Answer, whole."""
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *arguments: Any) -> None:
        print(format % arguments, file=sys.stderr, flush=True)
