"""A connection that is cut if it takes too long: a frozen server keeps no time-out of its own."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Any


@contextlib.contextmanager
def cut_off(connection: Any, seconds: float) -> Iterator[None]:
    """Shut the socket of ``connection`` if the block is not left within ``seconds``."""

    def cut() -> None:
        with contextlib.suppress(Exception):  # closed meanwhile, which is what we want
            end = socket.socket(fileno=connection.fileno())
            try:
                end.shutdown(socket.SHUT_RDWR)
            finally:
                end.detach()  # libpq owns the descriptor

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
