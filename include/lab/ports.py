"""Free ports on the lab's address, chosen once per start of the lab and kept in ``var/lab/ports.json`` while it is up.

Ports are taken below the range from which the kernel serves outgoing connections, so that no client can sit on one
between its choice and its use. Many are not listened on for long (an empty slot's), so labs of one user that start side
by side keep a book of whose they are: with the same port in two, one lab's edge would serve from the other's shop.
"""

from __future__ import annotations

import fcntl
import json
import os
import random
import socket
import tempfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from lab.places import REGIONS, write_private
from tidegate.errors import Refused

LOOPBACK = "127.0.0.1"
# Where everything of the lab listens and is reached. Another name than loopback's is for a container of its own only,
# where nobody but the other containers of the same network can come (lab.container).
ADDRESS = socket.gethostbyname(os.environ.get("TIDEGATE_LAB_ADDRESS") or LOOPBACK)
SLOTS = ("a", "b", "p")  # p: for a preview
INSTANCES = 4  # ports set aside for each slot; a policy's capacity.instances may use up to this many
PREVIEWS = 1  # and for a preview
LINKS = ("west-to-east-db", "east-to-west-db", "west-to-east-replication", "east-to-west-replication")
POWER_LINKS = ("third-to-east-power", "third-to-west-power")  # a partition takes the way to the switch as well
_LOWEST, _HIGHEST = 20_000, 32_000


def names() -> tuple[str, ...]:
    """Every port that the lab uses, by name."""
    fixed = (
        "edge",
        "edge-admin",
        "names",
        "cache",
        "payments",
        "to-payments",
        "supervisor",
        "links",
        "switch",
        "inbox",
        "agent",
        "airflow-api",
        "airflow-worker-log",
        "airflow-trigger-log",
    )
    regional = tuple(f"{region}-{what}" for region in REGIONS for what in ("supervisor", "postgres"))
    instances = tuple(f"{r}-{s}-{i}" for r in REGIONS for s in SLOTS for i in range(_room(s)))
    return fixed + regional + instances + tuple(f"link-{link}" for link in (*LINKS, *POWER_LINKS))


def _room(slot: str) -> int:
    return PREVIEWS if slot == "p" else INSTANCES


@dataclass(frozen=True)
class Ports:
    """Port numbers by name. Raises KeyError for a name that :func:`names` does not have."""

    by_name: Mapping[str, int]

    def __getitem__(self, name: str) -> int:
        return self.by_name[name]

    def slot(self, region: str, slot: str) -> tuple[int, ...]:
        """The ports of a slot's instances, in order."""
        return tuple(self.by_name[f"{region}-{slot}-{i}"] for i in range(_room(slot)))

    def link(self, name: str) -> int:
        return self.by_name[f"link-{name}"]

    def save(self, path: Path) -> None:
        write_private(path, json.dumps(dict(self.by_name), indent=1))


def load(path: Path) -> Ports:
    """The ports of the lab that is up. Raises :class:`Refused` if none is."""
    try:
        return Ports(json.loads(path.read_text()))
    except FileNotFoundError:
        raise Refused(f"no lab is up: {path} does not exist", next_step="run `make up`") from None


def reserve(path: Path) -> Ports:
    """A free port for each name, saved at ``path`` and given to no other lab while that file is there.

    Raises :class:`Refused` if there are not enough, OSError if the book of them cannot be kept.
    """
    book = _book()
    with book.open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        others = {Path(line) for line in file.read().splitlines()} - {path.absolute()}
        kept = {other: numbers for other in others if (numbers := _numbers(other))}
        chosen = choose(taken={number for numbers in kept.values() for number in numbers})
        chosen.save(path)
        file.truncate(0)
        file.write("".join(f"{one}\n" for one in sorted([*kept, path.absolute()])))
    return chosen


def _book() -> Path:
    """Machine-wide, since ports are; of this user alone, as is whatever else a lab of his holds."""
    folder = Path(tempfile.gettempdir()) / f"tidegate-ports-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        raise PermissionError(f"{folder} is somebody else's: remove it, or set TMPDIR")
    return folder / "labs"


def _numbers(path: Path) -> tuple[int, ...]:
    try:
        return tuple(json.loads(path.read_text()).values())
    except (FileNotFoundError, NotADirectoryError):
        return ()


def choose(taken: Collection[int] = ()) -> Ports:
    """A free port for each name, none of those ``taken``. Raises :class:`Refused` if there are not enough."""
    free = (port for port in _free_ports() if port not in taken)
    try:
        return Ports({name: next(free) for name in names()})
    except StopIteration:
        raise Refused(
            f"fewer than {len(names())} free ports on {ADDRESS} between {_LOWEST} and {_HIGHEST}",
            next_step="stop what listens there (`ss -ltn` shows it)",
        ) from None


def _free_ports() -> Iterator[int]:
    candidates = list(range(_LOWEST, min(_HIGHEST, _ephemeral_start())))
    random.shuffle(candidates)
    return (port for port in candidates if is_free(port))


def _ephemeral_start() -> int:
    range_file = Path("/proc/sys/net/ipv4/ip_local_port_range")
    return int(range_file.read_text().split()[0]) if range_file.exists() else _HIGHEST


def is_free(port: int) -> bool:
    """Whether nobody listens on the port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ADDRESS, port))
        except OSError:
            return False
        return True
