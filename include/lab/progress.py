"""Progress lines with the seconds since the start, for people who wait."""

from __future__ import annotations

import sys
import time
from typing import TextIO


class Progress:
    """``say`` prints one line at once. Quiet where ``out`` is None."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    def say(self, text: str) -> None:
        if self._out is not None:
            self._out.write(f"[{self.seconds:6.1f}s] {text}\n")
            self._out.flush()


def on_stdout() -> Progress:
    return Progress(sys.stdout)
