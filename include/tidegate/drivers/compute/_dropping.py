"""Ending programs of a supervisord, and forgetting them."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping

from tidegate.drivers._supervisor_rpc import GONE, Process, Supervisor
from tidegate.errors import NotSettled

_POLL = 0.05  # seconds between two looks at programs that are ending


def drop(
    supervisor: Supervisor,
    look: Callable[[], Mapping[str, Process]],
    names: Collection[str],
    note: Callable[[str], None],
    *,
    within: float,
    where: str,
) -> None:
    """Stop and forget ``names``, all at once, each in its own time. ``note`` is told of each that is gone. Raises
    :class:`NotSettled` after ``within`` seconds."""
    pending, deadline = set(names), time.monotonic() + within
    while pending:
        running = look()
        for name in pending & running.keys():
            if running[name].state in GONE:
                supervisor.remove(name)
            elif running[name].state != "STOPPING":
                supervisor.stop(name)
        done = pending - running.keys()
        for name in sorted(done):
            note(name)
        pending -= done
        if pending and time.monotonic() >= deadline:
            raise NotSettled(f"in {where} these have not ended: {', '.join(sorted(pending))}")
        time.sleep(_POLL if pending else 0)
