"""An application that is made when it is first asked for.

Airflow loads its plugins in every process, each task's among them; only the API server ever serves a page.
"""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Channel = Callable[..., Awaitable[Any]]


class LazyApp:
    """ASGI. ``path``: ``module:function``; the function makes the application."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._app: Callable[[Scope, Channel, Channel], Awaitable[None]] | None = None

    async def __call__(self, scope: Scope, receive: Channel, send: Channel) -> None:
        if self._app is None:
            module, _, function = self._path.partition(":")
            self._app = getattr(importlib.import_module(module), function)()
        await self._app(scope, receive, send)
