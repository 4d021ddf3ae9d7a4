"""``python -m lab.container``: the two-region shop as one container. Airflow and the journal are other containers.

``TIDEGATE_LAB_ADDRESS``: this container's name, so that the others reach what the lab starts. How they reach it is
written to ``TIDEGATE_CONNECTIONS`` as Airflow connections; Airflow reads that file at each look-up, so the lab may
start anew, with other ports and passwords, without anybody else being told.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lab import state
from lab.estate import Lab
from lab.places import write_private
from lab.progress import on_stdout
from tidegate.errors import TidegateError

_PREFIX = "AIRFLOW_CONN_"
_LOOK_EVERY = 2.0  # seconds


def connections(variables: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Every connection among the lab's variables, as Airflow's connections file wants them."""
    found = {
        name.removeprefix(_PREFIX).lower(): json.loads(value)
        for name, value in variables.items()
        if name.startswith(_PREFIX)
    }
    return {name: _as_row(connection) for name, connection in found.items()}


def _as_row(connection: dict[str, Any]) -> dict[str, Any]:
    extra = connection.get("extra")
    return {**connection, "extra": json.dumps(extra)} if isinstance(extra, dict) else connection


def main() -> int:
    """0: told to stop. 1: something of the lab has ended by itself, or could not start."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    lab = Lab(progress=on_stdout())
    try:
        lab.up(airflow=False, journal=False)
        write_private(Path(os.environ["TIDEGATE_CONNECTIONS"]), json.dumps(connections(lab.env()), indent=1))
        whole = _watch(lab, stop)
    except TidegateError as error:
        print(error, file=sys.stderr)
        whole = False
    finally:
        lab.down()
    return 0 if whole else 1


def _watch(lab: Lab, stop: threading.Event) -> bool:
    while not stop.wait(_LOOK_EVERY):
        found = state.load(lab.places.state)
        if found is None or not found.whole():
            print("a supervisor of the lab has ended", file=sys.stderr)
            return False
    return True


if __name__ == "__main__":
    sys.exit(main())
