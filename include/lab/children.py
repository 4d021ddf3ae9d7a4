"""Short-lived programs that a start needs (``initdb``, ``airflow db migrate`` …), ended with it if it is given up."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from tidegate.errors import Refused, Rejected

_lock = threading.Lock()
_running: set[subprocess.Popen[str]] = set()
_given_up = threading.Event()


def run(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    directory: Path | None = None,
    uid: int | None = None,
    gid: int | None = None,
    errors_too: bool = False,
) -> str:
    """Run to the end; what it printed, on standard error as well with ``errors_too``. Raises :class:`Rejected` with its
    last words, :class:`Refused` once given up."""
    with _lock:
        if _given_up.is_set():
            raise Refused(f"{Path(argv[0]).name} was not started: the start was given up")
        process = subprocess.Popen(  # noqa: S603  argv is ours
            argv,
            env=dict(env),
            cwd=directory,
            user=uid,
            group=gid,
            extra_groups=None if uid is None else [],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if errors_too else subprocess.PIPE,
            text=True,
        )
        _running.add(process)
    out, err = process.communicate()
    with _lock:
        _running.discard(process)
    if process.returncode:
        words = " ".join((Path(argv[0]).name, *argv[1:3]))
        raise Rejected(f"`{words} …` failed ({process.returncode}): {(err or out).strip()[-600:]}")
    return out


def give_up() -> None:
    """Kill what still runs; nothing more is started until :func:`resume`."""
    with _lock:
        _given_up.set()
        for process in _running:
            process.kill()


def resume() -> None:
    _given_up.clear()


def given_up() -> bool:
    return _given_up.is_set()
