"""What an instance says of itself."""

from __future__ import annotations

import contextlib
import http.client
import json
from typing import Any

from tidegate.telemetry.context import headers

ASK_SECONDS = 1.0  # for an instance to say what it runs


def ask(host: str, port: int) -> dict[str, Any] | None:
    """What the instance at ``host:port`` says it runs; None if it does not say."""
    connection = http.client.HTTPConnection(host, port, timeout=ASK_SECONDS)
    with contextlib.closing(connection):
        try:
            connection.request("GET", "/_release", headers=headers())
            answer = connection.getresponse()
            said = json.loads(answer.read(64 * 1024))
        except (OSError, http.client.HTTPException, ValueError):
            return None
    return said if answer.status == http.client.OK and isinstance(said, dict) else None
