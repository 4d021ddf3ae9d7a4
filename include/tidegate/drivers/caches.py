"""Asking a cache itself what it hands out."""

from __future__ import annotations

import contextlib
import http.client
import ssl

from tidegate.drivers.credentials import Credential
from tidegate.errors import Rejected, Unreachable
from tidegate.telemetry.context import headers

SECONDS = 5.0


def handed_out(cache: Credential, path: str, header: str) -> str:
    """The value of ``header`` in its answer for ``path``, empty if it has none. The answer is what any user would get:
    nothing asks the cache to look anew. Raises ``Rejected`` if it is no 200, ``Unreachable``."""
    where = f"{cache.address}{path}"
    with contextlib.closing(_connection(cache)) as connection:
        try:
            connection.request("GET", path, headers=headers())
            answer = connection.getresponse()
        except (OSError, http.client.HTTPException) as wrong:
            raise Unreachable(
                f"{where} does not answer ({type(wrong).__name__})",
                next_step=f"see that it runs, and what conn://{cache.name} names",
            ) from None
        if answer.status != http.client.OK:
            raise Rejected(f"{where} answers {answer.status}", next_step="see the cache's log")
        return answer.getheader(header) or ""


def _connection(cache: Credential) -> http.client.HTTPConnection:
    if cache.scheme != "https":
        return http.client.HTTPConnection(cache.host, cache.port, timeout=SECONDS)
    context = ssl.create_default_context(cafile=cache.extra.get("cafile") or None)
    return http.client.HTTPSConnection(cache.host, cache.port, timeout=SECONDS, context=context)
