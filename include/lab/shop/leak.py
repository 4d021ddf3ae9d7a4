"""A fault that needs time: a process that has answered too many requests begins to fail, more and more of them."""

from __future__ import annotations

import random
from collections.abc import Callable

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from .dials import Dials

SPREAD = 1000  # requests from the first that may fail to where all do


class Leak:
    """Counts what users asked of this process; questions about the process itself (``/_…``) are not counted."""

    def __init__(self, dials: Callable[[], Dials]) -> None:
        self._dials = dials
        self._rng = random.Random()  # noqa: S311  # faults, no secret
        self.served = 0

    def fails(self) -> bool:
        """Whether the next request fails, before anything is read or written for it."""
        self.served += 1
        after = self._dials().leaks_after
        return after > 0 and self._rng.random() < (self.served - after) / SPREAD


def leaking(app: ASGIApp, leak: Leak) -> ASGIApp:
    """``app``, but what the leak takes is answered 500."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not scope["path"].startswith("/_") and leak.fails():
            await JSONResponse({"error": "out of memory"}, 500)(scope, receive, send)
        else:
            await app(scope, receive, send)

    return wrapped
