"""The route file that Envoy watches: how a split becomes one, and how it is replaced.

The file is JSON (which Envoy accepts under any name). Its ``version_info`` and the name of its one route are the same
string, ``<epoch>;<split>``: the admin interface shows it as the version in force, and ``%ROUTE_NAME%`` puts it on every
line of the access log, so each request tells the epoch and the weights under which it was routed.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tidegate.errors import Refused, Throttled
from tidegate.model.traffic import Split

ROUTE_CONFIG = "tidegate"  # name of the route configuration, in the listener and in the file
TYPE = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"
UPSTREAM_TIMEOUT = "15s"  # a request's longest stay at the edge; the shop holds writes for 5 s at most
_POLL = 0.01  # seconds between two looks at a lock


def version(epoch: int, split: Split) -> str:
    """``7;east-b=250,east-a=4750,…``: what the file, the admin interface and the access log all carry."""
    return f"{epoch};{split}"


def parse_version(text: str) -> tuple[int, Split]:
    """Inverse of :func:`version`. Raises ValueError."""
    epoch, found, split = text.partition(";")
    if not found or not epoch.isascii() or not epoch.isdigit():
        raise ValueError(f"not a route version: {text[:80]!r} (expected <epoch>;<split>)")
    return int(epoch), Split.parse(split)


def render(epoch: int, split: Split, session_cookie: str) -> dict[str, Any]:
    """The discovery response for Envoy. No retries: the judge and the user see the same answer (and a POST is never
    sent twice). Clusters stand in the split's order, which is what makes a sticky session's way back monotone."""
    name = version(epoch, split)
    route = {
        "name": name,
        "match": {"prefix": "/"},
        "route": {
            "timeout": UPSTREAM_TIMEOUT,
            "weighted_clusters": {
                "use_hash_policy": True,
                "clusters": [{"name": arm.name, "weight": weight} for arm, weight in split.weights],
            },
            "hash_policy": [{"cookie": {"name": session_cookie}}],
        },
    }
    host = {"name": "all", "domains": ["*"], "routes": [route]}
    return {
        "version_info": name,
        "resources": [{"@type": TYPE, "name": ROUTE_CONFIG, "virtual_hosts": [host]}],
    }


def read(path: Path) -> tuple[int, Split] | None:
    """Epoch and split in the file, None if there is no file. Raises :class:`Refused` if it is not ours to replace."""
    try:
        text = path.read_text()
    except FileNotFoundError:
        return None
    try:
        return parse_version(json.loads(text)["version_info"])
    except (ValueError, KeyError, TypeError) as wrong:
        raise Refused(
            f"the route file {path.name} does not say which epoch wrote it ({type(wrong).__name__})",
            next_step=f"look at {path}; if nobody else owns it, move it away and apply again",
        ) from wrong


def replace(path: Path, document: dict[str, Any]) -> None:
    """Put ``document`` in place of ``path``, wholly or not at all: same directory, fsync, rename, fsync."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".new", dir=path.parent)
    try:
        with os.fdopen(handle, "w") as stream:
            json.dump(document, stream, separators=(",", ":"))
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).chmod(0o644)
        os.rename(name, path)  # noqa: PTH104 - the plain call: rename(2) is the promise made here
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Make a rename or a new file in ``directory`` survive a power cut."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def append_line(path: Path, record: dict[str, Any]) -> None:
    """Add one JSON line and have it on disk. Only under the lock that also covers the effect it tells of."""
    with path.open("a") as stream:
        stream.write(json.dumps(record, separators=(",", ":")) + "\n")
        stream.flush()
        os.fsync(stream.fileno())


@contextlib.contextmanager
def locked(path: Path, within: float) -> Iterator[None]:
    """Hold the lock file ``path``, across threads and processes. Raises :class:`Throttled` after ``within`` seconds."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        _acquire(handle, path, time.monotonic() + within)
        yield
    finally:
        os.close(handle)  # lets the lock go, also for a process that dies here


def _acquire(handle: int, path: Path, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise Throttled(
                    f"another writer has held {path.name} for too long", next_step=f"see who has {path} open"
                ) from None
            time.sleep(_POLL)
        else:
            return
