"""Releases' smoke tests on a scratch copy of the expanded schema."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence

from tidegate.drivers.compute._launch import INHERITED
from tidegate.drivers.migrations._picture import Camera
from tidegate.drivers.migrations._proof import Request, lay
from tidegate.drivers.migrations._scratch import scratch
from tidegate.drivers.migrations.contract import Act, Acted

WITHIN = 60.0  # seconds for one smoke test
VARIABLE = "SMOKE_DATABASE_URL"


def rehearse(request: Request, acts: Sequence[Act]) -> tuple[Acted, ...]:
    """Bring a scratch copy to the request's lower end and run ``acts`` on it, until one fails."""
    found: list[Acted] = []
    with scratch(request.scratch) as room:
        trunk = room.create("smoke")
        lay(request, room, trunk, Camera(request.pg_dump, request.chain.version_table))
        url = room.server.set(database=trunk, drivername="postgresql").render_as_string(hide_password=False)
        for act in acts:
            found.append(perform(act, url))
            if not found[-1].passed:
                break
    return tuple(found)


def perform(act: Act, url: str) -> Acted:
    """Run one smoke test. The database's address goes by the environment, which holds nothing else of ours."""
    argv = [part.replace("{python}", sys.executable) for part in act.argv] + [act.mode]
    environment = {name: os.environ[name] for name in INHERITED if name in os.environ}
    environment |= {VARIABLE: url, "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(  # noqa: S603
            argv, cwd=act.files, env=environment, capture_output=True, text=True, timeout=WITHIN, check=False
        )
    except subprocess.TimeoutExpired:
        return Acted(act, False, f"not done within {WITHIN:g} s")
    except OSError as error:
        return Acted(act, False, f"cannot be started: {error.strerror}")
    said = (done.stderr or done.stdout).strip().replace(url, "***")
    return Acted(act, done.returncode == 0, "" if done.returncode == 0 else said[-400:])
