"""A region's database that finds no room for what it would write, and a host whose disk is left alone.

No file of the server's may grow above :data:`ROOM`: PostgreSQL is refused the block that it asks for ("could not extend
file … Check free disk space"), then its log, and ends as it does on a disk that is full. It needs no privileges, no
mount and no ballast. A mark beside the data has every server limited that is started meanwhile.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from lab import outlets, processes
from lab.databases import PROGRAM, Databases
from tidegate.errors import NotSettled, Refused

ROOM = outlets.ROOM_KIB * 1024  # bytes
_TOOL = "prlimit"  # util-linux: part of every Debian


def fill(databases: Databases, region: str) -> None:
    """The mark first: whoever is started after it is limited by his own start, and the others here. Raises
    :class:`Refused` if it cannot be done, :class:`NotSettled` if it was not."""
    if shutil.which(_TOOL) is None:
        raise Refused(f"{_TOOL} is not installed: the disk cannot be filled", next_step="apt-get install util-linux")
    mark = outlets.full(region, databases.installation.data)
    mark.touch()
    databases.installation.account.own(mark)
    _limit(databases, region, str(ROOM))


def free(databases: Databases, region: str) -> None:
    """Whoever still runs may write again. One that ended is started by the caller."""
    outlets.full(region, databases.installation.data).unlink(missing_ok=True)
    _limit(databases, region, "unlimited")


def limited(pid: int) -> bool:
    """Whether it may write no more than that."""
    rows = Path(f"/proc/{pid}/limits").read_text().splitlines()
    return any(row.startswith("Max file size") and row.split()[3] == str(ROOM) for row in rows)


def _limit(databases: Databases, region: str, room: str) -> None:
    """Each process of the server, whose children have their parent's limit: again until none is left out. Its hard
    limit stays as it is, or nobody could give the room back."""
    wanted = room != "unlimited"
    for _ in range(5):
        there = [pid for pid in _servers(databases, region) if _is(pid) not in (wanted, None)]
        if not there:
            return
        for pid in there:
            _set(databases, pid, room)
    raise NotSettled(f"processes {', '.join(map(str, there))} of {region}'s database were not limited")


def _set(databases: Databases, pid: int, room: str) -> None:
    """As the account that it runs as: even root may need to be its owner."""
    account = databases.installation.account
    command = [_TOOL, f"--pid={pid}", f"--fsize={room}:"]
    done = subprocess.run(  # noqa: S603 - ours
        command, user=account.uid, group=account.gid, capture_output=True, text=True, timeout=10, check=False
    )
    if done.returncode and _is(pid) is not None:
        raise NotSettled(f"process {pid} was not limited: {done.stderr.strip()}")


def _servers(databases: Databases, region: str) -> list[int]:
    return processes.working_in(databases.cluster(region).data, PROGRAM)


def _is(pid: int) -> bool | None:
    """None: it has ended meanwhile."""
    try:
        return limited(pid)
    except (FileNotFoundError, ProcessLookupError):
        return None
