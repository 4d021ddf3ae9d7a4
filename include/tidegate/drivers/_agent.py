"""One agent of the environment of drills, over HTTP: it stands outside what it breaks.

``Authorization: Bearer`` carries the connection's password. 404 is nothing there, 409 a refusal, 422 what it cannot do;
the body's ``error`` says what.
"""

from __future__ import annotations

from typing import Any

from tidegate.drivers.site import Site
from tidegate.errors import NotSettled, OutcomeUnknown, Refused, Rejected, Unreachable
from tidegate.telemetry.context import headers

TIMEOUT = 60.0  # seconds: bringing a region back takes its time


class Agent:
    """``reference``: ``conn://…``, resolved at the first call."""

    def __init__(self, reference: str, site: Site) -> None:
        self._reference, self._site = reference, site

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        """Raises as the others."""
        return self._ask("GET", path, query=query)

    def put(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return self._ask("PUT", path, body)

    def delete(self, path: str) -> dict[str, Any]:
        return self._ask("DELETE", path)

    def _ask(
        self, verb: str, path: str, body: dict[str, Any] | None = None, query: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Raises ``Unreachable``, ``OutcomeUnknown``, ``Refused`` (404, 409, 422), ``NotSettled`` (503),
        ``Rejected``."""
        import httpx

        found = self._site.resolve(self._reference)
        address = f"http://{found.host}:{found.port}{path}"
        shown = headers() | {"authorization": f"Bearer {found.password or ''}"}
        try:
            answer = httpx.request(
                verb, address, json=body, params=query, headers=shown, timeout=TIMEOUT, trust_env=False
            )
        except httpx.ConnectError as error:
            raise Unreachable(f"the drill's agent at {found.host}:{found.port} does not answer: {error}") from None
        except httpx.HTTPError as error:
            raise OutcomeUnknown(f"{verb} {path} was not answered by the drill's agent: {error}") from None
        if answer.is_success:
            told: dict[str, Any] = answer.json()
            return told
        raise _error(answer.status_code, f"{verb} {path}: {_said(answer)}")


def _said(answer: Any) -> str:
    try:
        return str(answer.json()["error"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP {answer.status_code}"


def _error(status: int, words: str) -> Exception:
    if status in (404, 409, 422):
        return Refused(words)
    if status == 503:
        return NotSettled(words)
    return Rejected(words)
