"""Taking a base backup, reading it in full, and letting old ones go."""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from pathlib import Path

from tidegate.drivers._files import locked
from tidegate.drivers.backups import _log, _manifest
from tidegate.drivers.backups._place import Place, away, new_id
from tidegate.drivers.backups._programs import conninfo, pass_file, run
from tidegate.drivers.backups._servers import LOOKING
from tidegate.drivers.backups.contract import Backup
from tidegate.drivers.credentials import Credential
from tidegate.errors import EffectError, Refused, Throttled


def take(place: Place, region: str, credential: Credential, keep: int) -> Backup:
    """See :meth:`~tidegate.drivers.backups.contract.Backups.take`; from the server of ``region``."""
    place.make()
    try:
        with locked(place.base / ".lock", 0.2):
            for left in place.base.glob(".taking-*"):
                shutil.rmtree(left)
            backup = _take(place, region, credential)
            let_go(place, keep)
    except Throttled:
        raise Refused("another backup is being taken", next_step="wait for it") from None
    return backup


def _take(place: Place, region: str, credential: Credential) -> Backup:
    started = time.time()
    name = new_id(started)
    taking, done = place.base / f".taking-{name}", place.base / name
    try:
        with pass_file({region: credential}) as secret:
            what = ["-X", "stream", "-c", "fast", "-l", f"tidegate {name}", "--manifest-checksums=SHA256"]
            run(place, "pg_basebackup", "-D", str(taking), "-d", conninfo(credential, secret, LOOKING), *what)
        read_in_full(place, taking)
        taking.rename(done)
    except EffectError:
        shutil.rmtree(taking, ignore_errors=True)
        raise
    now, (timeline, end) = time.time(), _manifest.ends(done)
    backup = Backup(name, region, started, now, timeline, end, _size(done), now)
    place.note(backup)
    return backup


def read_in_full(place: Place, directory: Path) -> None:
    """Every file by its checksum, and that the log beside them can be read. Raises ``Rejected``."""
    run(place, "pg_verifybackup", "--exit-on-error", "--quiet", str(directory))


def look(place: Place, backup: Backup) -> Backup:
    """Whether all of its files are there with their sizes: the contents are another, longer question. Raises
    ``Unreachable``."""
    return _judged(place, backup, in_full=False) if backup.readable else backup


def read_again(place: Place, backup: Backup) -> Backup:
    """Read it in full, and note what was found. Raises ``Unreachable``."""
    found = replace(_judged(place, backup, in_full=True), read_at=time.time())
    place.note(found)
    return found


def _judged(place: Place, backup: Backup, *, in_full: bool) -> Backup:
    try:
        why = _manifest.wrong(place.base / backup.id, in_full=in_full)
    except OSError as error:
        raise away(place, error) from None
    return replace(backup, readable=False, why=why) if why else backup


def let_go(place: Place, keep: int) -> None:
    """Remove what is older than ``keep`` readable backups, once there are so many, and the log that only it needed."""
    found = [look(place, one) for one in place.backups()]
    fit = [one for one in found if one.readable]
    kept = fit[-keep:]
    if len(kept) < keep:
        return
    for one in found:
        if one.started < kept[0].started:
            place.forget(one)
    if size := segment_size(place):
        first = _log.file_name(1, kept[0].end // size, size)
        for name in _log.older([path.name for path in place.wal.iterdir()], first):
            (place.wal / name).unlink()


def segment_size(place: Place) -> int:
    """Bytes of a file of the archived log; 0 while there is none."""
    return max((path.stat().st_size for path in place.wal.iterdir() if _log.SEGMENT.fullmatch(path.name)), default=0)


def _size(directory: Path) -> int:
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())
