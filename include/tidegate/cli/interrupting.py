"""SIGTERM as Ctrl-C: a CI system that cancels a job sends it, and what was begun is to be unwound."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def terminated_as_interrupted() -> Iterator[None]:
    """SIGTERM raises ``KeyboardInterrupt`` inside the block. Elsewhere than in the main thread nothing can be told."""
    try:
        before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    except ValueError:  # not in the main thread
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
