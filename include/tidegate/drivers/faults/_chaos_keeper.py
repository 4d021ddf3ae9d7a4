"""``python -m tidegate.drivers.faults._chaos_keeper FOLDER``: runs one experiment, and ends it in time.

It outlives whoever started it: an experiment ends, and what it did is taken back, whatever became of the drill. It is
asked to end earlier by SIGTERM.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from tidegate.drivers.faults._chaos_run import THEIRS, Run
from tidegate.errors import NotSettled
from tidegate.redaction import remember

LOOK_EVERY = 0.1  # seconds


def main() -> int:
    run, asked = Run(Path(sys.argv[1])), threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: asked.set())
    order = run.order
    for name in order.hidden:
        remember(os.environ.get(name))
    env = theirs(os.environ)
    started = run.start(env)
    while started.poll() is None and time.time() < order.until and not asked.wait(LOOK_EVERY):
        pass
    try:
        run.end(env)
    except NotSettled as error:  # whoever lifts it is told the same
        print(error, file=sys.stderr, flush=True)
        return 1
    return 0


def theirs(ours: Mapping[str, str]) -> dict[str, str]:
    """The experiment's environment: what this process imports is not to be found by it. Pure."""
    env = {name: value for name, value in ours.items() if name not in ("PYTHONPATH", THEIRS)}
    return {**env, "PYTHONPATH": ours[THEIRS]} if ours.get(THEIRS) else env


if __name__ == "__main__":
    sys.exit(main())
