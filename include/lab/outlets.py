"""What the power switch and the servers that it feeds agree on: an outlet's mark, and each server's own lock.

A server is started by a shell that takes its region's lock, shared, looks whether an outlet of its is off, and only
then becomes PostgreSQL, which keeps the lock open in each of its processes. So whoever has the lock for himself while
the mark stands has proof: no process of that server is left, not even a stopped one, and none can begin.

Nothing here makes a writer: the same shell marks the server's data as a standby's, whatever it was before. A writer
comes from a promotion alone.
"""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lab.places import REGIONS

ROOM_KIB = 64  # that a file of a server may have on a disk without room: enough for what is there already, in the main
NO_POWER = 75  # how the shell ends where it may not start its server
_START = " && ".join(  # one line, as a supervisor's configuration wants it
    (
        "lock=$1 mark=$2 whole=$3 data=$4 full=$5",
        "shift 5",
        'exec 9>>"$lock"',
        f'{{ flock -s -n 9 && [ ! -e "$mark" ] && [ ! -e "$whole" ] || exit {NO_POWER}; }}',
        ': >"$data/standby.signal"',
        f'{{ [ ! -e "$full" ] || ulimit -S -f {ROOM_KIB * 2}; }}',  # in blocks of 512 bytes
        'exec "$@"',
    )
)


@dataclass(frozen=True)
class Outlet:
    """``whole``: everything in the region hangs on it; else its PostgreSQL alone."""

    name: str
    region: str
    whole: bool

    def mark(self, data: Path) -> Path:
        """There while the outlet is off. ``data``: where all PostgreSQL's data lies."""
        return data / f"{self.name}.off"

    def is_on(self, data: Path) -> bool:
        return not self.mark(data).exists()


def outlets() -> dict[str, Outlet]:
    """Every outlet by name: two of each region."""
    found = [Outlet(region, region, True) for region in REGIONS]
    found += [Outlet(f"{region}-postgres", region, False) for region in REGIONS]
    return {outlet.name: outlet for outlet in found}


def lay_out(region: str, data: Path, own: Callable[[Path], None]) -> None:
    """Everything is on, and has room. ``own``: gives a file to whoever the server runs as."""
    for outlet in outlets().values():
        if outlet.region == region:
            outlet.mark(data).unlink(missing_ok=True)
    full(region, data).unlink(missing_ok=True)
    lock(region, data).touch()
    own(lock(region, data))


def has_power(region: str, data: Path) -> bool:
    """Whether the region's PostgreSQL may start."""
    return all(outlet.is_on(data) for outlet in outlets().values() if outlet.region == region)


def start_command(region: str, data: Path, argv: Sequence[str]) -> list[str]:
    """``argv``, PostgreSQL on ``data/region``, as it is started: with power, and as a standby only."""
    own, whole = outlets()[f"{region}-postgres"], outlets()[region]
    paths = (lock(region, data), own.mark(data), whole.mark(data), data / region, full(region, data))
    return ["/bin/sh", "-c", _START, f"start-{region}", *map(str, paths), *argv]


def full(region: str, data: Path) -> Path:
    """There while the region's disk is to have no room: a server that is started meanwhile finds none."""
    return data / f"{region}.full"


def lock(region: str, data: Path) -> Path:
    return data / f"{region}.lock"


@contextmanager
def alone(region: str, data: Path, within: float) -> Iterator[bool]:
    """Hold the region's lock for oneself, if it can be had: True. No server of the region runs or begins meanwhile."""
    deadline = time.monotonic() + within
    with lock(region, data).open("a") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    yield False
                    return
                time.sleep(0.01)
        yield True
