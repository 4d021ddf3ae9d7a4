"""What the metrics driver reads goes away: the edge's access log, under another name. Envoy keeps writing to it.

The router's own counters stay: they come by the interface that traffic itself needs.
"""

from __future__ import annotations

import contextlib
from pathlib import Path


def hide(log: Path) -> None:
    """The name is none that the driver would take for a log that was rotated."""
    with contextlib.suppress(FileNotFoundError):
        log.rename(_away(log))


def show(log: Path) -> None:
    """What was written meanwhile can be read. If the edge has begun another log since, it keeps it, and the old one
    stands beside it as one that was rotated."""
    with contextlib.suppress(FileNotFoundError):
        _away(log).rename(log.with_name(f"{log.name}.1") if log.exists() else log)


def _away(log: Path) -> Path:
    return log.with_name(f".away-{log.name}")
