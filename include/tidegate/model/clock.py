"""Time as a value that is handed in, so that plans, judges and engines can be run at any speed."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """``now``: epoch seconds. ``sleep``: lets that much of *this* clock pass."""

    def now(self) -> float: ...

    def sleep(self, seconds: float) -> None: ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> float:
        return time.time()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)
