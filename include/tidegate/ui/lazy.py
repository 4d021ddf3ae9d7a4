"""An application that is made when it is first asked for.

Airflow loads its plugins in every process, each task's among them; only the API server ever serves a page.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Channel = Callable[..., Awaitable[Any]]
Application = Callable[[MutableMapping[str, Any], Channel, Channel], Awaitable[None]]


class LazyApp:
    """ASGI. ``make`` is called once, by the first request."""

    def __init__(self, make: Callable[[], Application]) -> None:
        self._make = make
        self._app: Application | None = None

    async def __call__(self, scope: MutableMapping[str, Any], receive: Channel, send: Channel) -> None:
        if self._app is None:
            self._app = self._make()
        await self._app(scope, receive, send)
