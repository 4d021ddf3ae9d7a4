"""Ends what a killed Airflow scheduler leaves behind, once it is idle.

A scheduler that is killed leaves its executor's workers alive: those that run a task finish it (and must), the others
would wait for work for ever. This process looks at its own session only, and ends a process whose parent and whose
group's leader are both gone and that has no child of its own.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterable

from lab.processes import ProcessLine, all_processes

EVERY = 2.0  # seconds


def forsaken(processes: Iterable[ProcessLine], session: int) -> list[int]:
    """Pids of the session's processes that nobody waits for and that wait for nobody."""
    ours = [p for p in processes if p.session == session and p.state != "Z"]
    alive, parents = {p.pid for p in ours}, {p.parent for p in ours}
    return [p.pid for p in ours if p.parent not in alive and p.group not in alive and p.pid not in parents]


def main() -> None:
    """``python -m lab.reaper``: until it is told to stop."""
    while True:
        for pid in forsaken(all_processes(), os.getsid(0)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(EVERY)


if __name__ == "__main__":
    main()
