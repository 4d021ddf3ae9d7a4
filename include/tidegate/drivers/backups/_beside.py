"""A server beside the live one: it replays the archived log up to a time, and takes no write.

It starts as a standby that follows nobody, so it never becomes a primary by itself; it listens on loopback alone, under
the log-ins that the database had at that time.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tidegate.drivers.backups import _log
from tidegate.drivers.backups._place import Place
from tidegate.drivers.backups._programs import account, last_line, run
from tidegate.drivers.backups._servers import LOOKING
from tidegate.drivers.backups.contract import Backup
from tidegate.drivers.credentials import Credential
from tidegate.drivers.database.postgres import sqlalchemy_url
from tidegate.errors import NotSettled, Rejected

HOST = "127.0.0.1"
STANDS_STILL = 300.0  # seconds without progress after which a replay is given up
_REACHED = "pausing at the end of recovery"
_PORTS = 3  # a port may be taken between looking and binding
_ROOM = {  # what a standby must not have less of than its primary had: in its control file, in its settings
    "max_connections setting": "max_connections",
    "max_worker_processes setting": "max_worker_processes",
    "max_wal_senders setting": "max_wal_senders",
    "max_prepared_xacts setting": "max_prepared_transactions",
    "max_locks_per_xact setting": "max_locks_per_transaction",
}
_STATE = """
SELECT pg_last_wal_replay_lsn() - '0/0'::pg_lsn, extract(epoch FROM pg_last_xact_replay_timestamp())::float8
"""


def lay_out(place: Place, backup: Backup, data: Path, to: float | None) -> None:
    """The backup's files, and the log from its beginning on, in a directory of the server's own account."""
    place.beside.mkdir(parents=True, exist_ok=True, mode=0o711)
    shutil.copytree(place.base / backup.id, data, symlinks=True)
    for name in (*_needed(place, backup), *(path.name for path in place.wal.glob("*.history"))):
        shutil.copyfile(place.wal / name, data / "pg_wal" / name.removesuffix(".partial"))
    for name in ("postgresql.auto.conf", "recovery.signal", "backup_manifest"):
        (data / name).unlink(missing_ok=True)
    shutil.rmtree(data / "log", ignore_errors=True)
    (data / "pg_hba.conf").write_text(f"host all all {HOST}/32 scram-sha-256\n")
    (data / "postgresql.conf").write_text(_settings(_room(place, data), to))
    (data / "standby.signal").touch()
    _give(place, data)


def start(place: Place, data: Path) -> int:
    """Start it on a free port, which is returned; it need not answer yet. Raises ``Rejected``."""
    for attempt in range(_PORTS):
        port, log = _free_port(), data / "tidegate.log"
        try:
            run(
                place,
                "pg_ctl",
                "start",
                "-D",
                str(data),
                "-l",
                str(log),
                "-o",
                f"-p {port}",
                "-W",
                "-s",
                as_account=True,
            )
        except Rejected:
            raise Rejected(f"the restored server did not start: {_last_words(data)}") from None
        if _is_up(place, data):
            return port
        if attempt + 1 == _PORTS or "could not bind" not in _said(data):
            break
    raise Rejected(f"the restored server did not start: {_last_words(data)}")


def replay(
    place: Place, data: Path, credential: Credential, port: int, to: float | None, end: int
) -> tuple[int, float | None]:
    """Return once it stands at ``to``, or has all that was archived up to position ``end``: position, when the last
    transaction was committed. Raises ``Rejected`` if it ends, ``NotSettled`` if it stands still."""
    at, moved = -1, time.monotonic()
    while True:
        state = _ask(credential, port)
        if state is not None:
            position = int(state[0] or 0)
            if position >= end or _REACHED in _said(data):
                return position, state[1]
            at, moved = position, moved if position == at else time.monotonic()
        elif not _is_up(place, data):
            raise Rejected(f"the restored server ended: {_last_words(data)}")
        if time.monotonic() - moved > STANDS_STILL:
            raise NotSettled(
                f"the restored server has replayed nothing for {STANDS_STILL:.0f} s: {_last_words(data)}",
                next_step="ask again, with a later time or another backup",
            )
        time.sleep(0.1)


def size(data: Path) -> int:
    """Bytes; the server that works there removes files meanwhile."""
    total = 0
    for path in data.rglob("*"):
        with suppress(FileNotFoundError):
            total += path.stat().st_size if path.is_file() else 0
    return total


def runs(place: Place, data: Path) -> bool:
    return data.is_dir() and _is_up(place, data)


def stop(place: Place, data: Path) -> None:
    """Stop it if it runs, and remove its files."""
    if runs(place, data):
        run(place, "pg_ctl", "stop", "-D", str(data), "-m", "immediate", "-t", "60", "-s", as_account=True)
    shutil.rmtree(data, ignore_errors=True)


def _needed(place: Place, backup: Backup) -> list[str]:
    """Files of the log from where the backup's own ends; one that is whole goes before what was begun of it."""
    names = sorted(path.name for path in place.wal.iterdir() if _log.SEGMENT.fullmatch(path.name))
    size = max(((place.wal / name).stat().st_size for name in names), default=1)
    first = _log.file_name(backup.timeline, backup.end // size, size)
    skipped = set(_log.older(names, first))
    return [
        n for n in names if n not in skipped and not (n.endswith(".partial") and n.removesuffix(".partial") in names)
    ]


def _room(place: Place, data: Path) -> dict[str, str]:
    told = dict(line.split(":", 1) for line in run(place, "pg_controldata", str(data)).splitlines() if ":" in line)
    return {setting: told[name].strip() for name, setting in _ROOM.items() if name in told}


def _settings(room: Mapping[str, str], to: float | None) -> str:
    target = {"recovery_target_time": _stamp(to), "recovery_target_action": "pause"} if to is not None else {}
    given = {
        **room,
        **target,
        "listen_addresses": HOST,
        "unix_socket_directories": "",
        "cluster_name": "tidegate-restored",
        "hot_standby": "on",
        "recovery_target_timeline": "latest",
        "wal_retrieve_retry_interval": "500ms",
        "default_transaction_read_only": "on",
        "dynamic_shared_memory_type": "mmap",  # in the data directory, so that a killed server leaves nothing elsewhere
        "lc_messages": "C",
        "logging_collector": "off",
        "jit": "off",
        "timezone": "UTC",
        "datestyle": "ISO, MDY",
    }
    return "".join(f"{key} = '{value}'\n" for key, value in given.items())


def _stamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S.%f+00")


def _give(place: Place, data: Path) -> None:
    data.chmod(0o700)
    if (who := account(place)) is not None:
        for path in (data, *data.rglob("*")):
            os.chown(path, who.pw_uid, who.pw_gid, follow_symlinks=False)


def _ask(credential: Credential, port: int) -> Any:
    """None while it does not answer."""
    import psycopg
    from sqlalchemy import make_url

    url = make_url(sqlalchemy_url(credential)).set(drivername="postgresql", host=HOST, port=port, query={})
    with (
        suppress(psycopg.OperationalError),
        psycopg.connect(
            url.render_as_string(hide_password=False), autocommit=True, connect_timeout=2, application_name=LOOKING
        ) as connection,
    ):
        return connection.execute(_STATE).fetchone()
    return None


def _is_up(place: Place, data: Path) -> bool:
    try:
        run(place, "pg_ctl", "status", "-D", str(data), as_account=True)
    except Rejected:
        return False
    return True


def _last_words(data: Path) -> str:
    """Of its log: why it ended, else its last line. No row stands in those."""
    text = _said(data)
    fatal = re.findall(r"(?:FATAL|PANIC): .*", text)
    return fatal[-1].strip()[:300] if fatal else last_line(text)


def _said(data: Path) -> str:
    log = data / "tidegate.log"
    return log.read_text(errors="replace") if log.exists() else ""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
