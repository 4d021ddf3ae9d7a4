"""``python -m shop --port N``: one process of the shop on loopback.

Environment: ``SHOP_DB_URL`` (needed; a secret, never printed), ``SHOP_REGION`` and ``SHOP_SLOT`` (named in the log),
``SHOP_HOST`` (where it listens; loopback), ``SHOP_FAULTS`` (a dial file), ``SHOP_SECRETS_FILE`` (see :mod:`.settings`),
``SHOP_FLAGS`` (flagd's file, see :mod:`.flags`), ``SHOP_PAYMENTS`` (where payments are asked for, see
:mod:`.payments`; without it orders need none),
``SHOP_DRAIN_SECONDS`` (how long ``/_health`` says 503 at least before the process stops; 1).
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType

import uvicorn

from .app import Shop, application
from .digest import DIGEST
from .release import VERSION

KEEP_ALIVE = 3600  # seconds; longer than the edge keeps idle connections, so that it is never we who close one in use
IN_FLIGHT = 20  # seconds that requests in flight get to end
QUIET_FOR, QUIET_WITHIN, LOOK_EVERY = 0.5, 6.0, 0.1  # seconds; see below


class GracefulServer(uvicorn.Server):
    """On the first signal: unhealthy at once, so that the edge looks elsewhere. Stopped after ``drain`` seconds, once
    nobody has asked for :data:`QUIET_FOR`: the edge may be slow to notice. After :data:`QUIET_WITHIN` in any case."""

    def __init__(self, config: uvicorn.Config, shop: Shop, drain: float) -> None:
        super().__init__(config)
        self._shop, self._drain = shop, drain

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self._shop.draining or not self.started:
            super().handle_exit(sig, frame)
            return
        self._shop.draining = True
        loop = asyncio.get_running_loop()
        stop = partial(super().handle_exit, sig, frame)
        loop.call_soon_threadsafe(loop.call_later, self._drain, self._once_quiet, stop, loop.time() + QUIET_WITHIN)

    def _once_quiet(self, stop: Callable[[], None], until: float) -> None:
        loop = asyncio.get_running_loop()
        if time.monotonic() - self._shop.asked_at >= QUIET_FOR or loop.time() >= until:
            stop()
        else:
            loop.call_later(LOOK_EVERY, self._once_quiet, stop, until)


def main() -> int:
    parser = argparse.ArgumentParser(prog="shop")
    parser.add_argument("--port", type=int, required=True)
    port = parser.parse_args().port
    url = os.environ.get("SHOP_DB_URL")
    if not url:
        sys.stderr.write("shop: SHOP_DB_URL is not set; set it to the database's URL\n")
        return 2
    faults = os.environ.get("SHOP_FAULTS")
    flags = os.environ.get("SHOP_FLAGS")
    payments = os.environ.get("SHOP_PAYMENTS", "")
    shop = Shop(url, Path(faults) if faults else None, Path(flags) if flags else None, payments)
    place = f"{os.environ.get('SHOP_REGION', '?')}-{os.environ.get('SHOP_SLOT', '?')}"
    sys.stderr.write(f"shop {VERSION} ({DIGEST[:19]}) in {place} on port {port}, pid {os.getpid()}\n")
    config = uvicorn.Config(
        application(shop),
        host=os.environ.get("SHOP_HOST", "127.0.0.1"),
        port=port,
        access_log=False,
        log_level="warning",
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=IN_FLIGHT,
        server_header=False,
        date_header=False,
    )
    GracefulServer(config, shop, float(os.environ.get("SHOP_DRAIN_SECONDS", "1"))).run()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
